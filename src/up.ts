/** The composition root: the one place that knows everybody. One call is one supervisor, from its lock to its end. */

import type { EventEmitter } from 'node:events';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { openApi } from './api/server.js';
import type { StatusView, SupervisorView } from './api/wire.js';
import type { DevicesObservation } from './core/facts.js';
import { type Inventory, poolIdOf } from './core/model.js';
import { createGpuReader } from './host/gpus.js';
import { type KernelSources, kernelOf, watchKernel } from './host/kernel.js';
import { memoryReader } from './host/memory.js';
import { type Paths, poolLogs, replicaPaths } from './host/paths.js';
import { bootId } from './host/proc.js';
import { findProgram } from './host/programs.js';
import { makePulse } from './host/pulse.js';
import { runProgram } from './host/run.js';
import { readModelRef } from './inventory/model-ref.js';
import type { Examination } from './inventory/report.js';
import { watchExits } from './shell/adoption.js';
import { makeAwaited } from './shell/awaited.js';
import { systemClock } from './shell/clock.js';
import { openContainment } from './shell/containment.js';
import { coveredHands } from './shell/covered.js';
import { deviceReports } from './shell/device-reports.js';
import { keepFailures } from './shell/failures.js';
import { removeHandoffs } from './shell/handoff.js';
import { makeHands, type Preflight } from './shell/hands.js';
import { openJournal } from './shell/journal.js';
import { makeListeners } from './shell/listener.js';
import { lockSupervisor } from './shell/lock.js';
import { makePerform } from './shell/perform.js';
import { removePidFiles } from './shell/pid-files.js';
import { makeProcesses } from './shell/processes.js';
import { openRegistry } from './shell/registry.js';
import type { LogLimits } from './shell/rotation.js';
import { makeRuntime } from './shell/runtime.js';
import { standingFiles } from './shell/standing-files.js';
import { prepareStateDir } from './shell/state-dir.js';
import type { Console } from './telemetry/console.js';
import { makeMetrics } from './telemetry/metrics.js';
import { rfc3339 } from './text/time.js';
import { begin } from './up/begin.js';
import { type Covers, makeCovers } from './up/cover.js';
import { clearLeftovers } from './up/leftovers.js';
import { openListener } from './up/listen.js';
import { tellLostLogs } from './up/lost-logs.js';
import { makeNews, type News } from './up/news.js';
import { preflightFor } from './up/preflight.js';
import { type Ended, recordMaker } from './up/record.js';
import { makeService } from './up/service.js';
import { hearSignals, longestWayDownMs } from './up/stopping.js';
import { makeStorage } from './up/storage.js';
import { openSystemd } from './up/systemd.js';

export type UpOptions = {
  readonly inventory: Inventory;
  /** Reads its file anew. */
  readonly reread: () => Promise<Examination>;
  /** As they were seen a moment ago: the inventory was held against them. */
  readonly devices: DevicesObservation;
  readonly paths: Paths;
  /** Pools to start; empty: those that start by themselves. */
  readonly named: readonly string[];
  readonly exitOnAllFailed: boolean;
  readonly version: string;
  /** The scripts that ship beside the program: the demo engine, and what kills a process with its descendants. */
  readonly demoScript: string;
  readonly treeKillScript: string;
  /** An engine's arguments as they may be shown and stored. */
  readonly redactArgs: (args: readonly string[]) => readonly string[];
  /** Where the kernel's word on an exit comes from. @default this machine's kernel */
  readonly kernel?: KernelSources;
};

export type World = {
  readonly pid: number;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** SIGTERM, SIGINT: asked to stop; the third one kills. */
  readonly signals: EventEmitter;
  /** Whether it began on a terminal that is gone. */
  readonly lostTerminal: () => boolean;
  /** Opens what the starter sees: log, console. */
  readonly face: (look: Look) => Face;
  readonly onBug: (error: unknown) => void;
};

/** What a face may read. */
export type Look = { readonly news: News; readonly view: () => StatusView; readonly paths: Paths; readonly covers: Covers };

/** What the starter sees of a running supervisor. */
export type Face = Pick<Console, 'stopping' | 'close'>;

/** Runs until asked to stop; answers the exit status. @throws PoolctlError where it may not begin (another runs, an unsafe directory). */
export async function up(options: UpOptions, world: World): Promise<number> {
  const { inventory, paths, version } = options;
  const clock = systemClock();
  const startedAt = new Date(clock.wallMs());
  const begunAt = clock.now();
  await prepareStateDir(paths.stateDir, world.uid);
  const program = (name: string): Promise<string | null> => findProgram(name, world.env.PATH, paths.stateDir);
  const [flock, bash, boot] = await Promise.all([program('flock'), program('bash'), bootId()]);
  const lock = await lockSupervisor({ ...paths, pid: world.pid, uid: world.uid, startedAt, flock });

  const containment = await openContainment({ stateDir: paths.stateDir, bash });
  const gpus = createGpuReader({ env: world.env, now: () => clock.now() });
  const maker = recordMaker(boot, clock);
  const { named, devices, exitOnAllFailed } = options;
  let ended: (exit: number) => void = () => {};
  const end = new Promise<number>((resolve) => {
    ended = resolve;
  });
  const killDescendants = async (pid: number): Promise<void> => {
    await runProgram(process.execPath, [options.treeKillScript, String(pid)], { timeoutMs: 2_000 });
  };
  const processes = makeProcesses(world.pid, killDescendants, containment);
  const listeners = makeListeners(processes);
  // Before anything of an earlier supervisor is touched: an address that is taken is a reason not to begin.
  const tcp = await openListener(inventory.supervisor, {
    ...{ env: world.env, uid: world.uid, onError: world.onBug },
    holder: (host, port) => listeners.holder(host, port),
  }).catch(async (error: unknown) => {
    containment.close();
    await lock.release();
    throw error;
  });
  const { restored, setAside, unclean } = await begin({
    ...{ inventory, named, devices, exitOnAllFailed, paths, bootId: boot, processes, entryOf: maker.entryOf },
    now: clock.now(),
    wallMs: clock.wallMs(),
    contained: containment.earlier(),
  });
  if (unclean) containment.findEarlier();
  removeHandoffs(paths.handoffDir);
  await removePidFiles(paths.runDir);
  const exits = watchExits();
  const now = (): number => clock.now();
  const reported = deviceReports((report) => runtime.give({ type: 'device-reported', report }));
  const pulse = makePulse(5_000);
  const kernel = watchKernel(options.kernel ?? kernelOf(now), now, pulse, reported);
  const storage = makeStorage((what, error) => runtime.give({ type: 'storage', what, error }), pulse);
  const onStorage = storage.tell;
  const files = standingFiles(onStorage);
  const preflight = await preflightFor({ inventory, paths, demoScript: options.demoScript, listeners, onStorage, ...world });
  const checked: Preflight = async (launch, watch) => {
    const { prepared, ...facts } = await preflight.check(launch, watch);
    const { model } = prepared.resolved;
    const shown = {
      modelPath: model?.startsWith('/') === true ? model : null,
      shownArgs: options.redactArgs(prepared.argv.slice(1)),
    };
    return { ...facts, prepared: { ...prepared, ...shown } };
  };
  const awaited = makeAwaited();
  const recorded = (): Promise<void> => registry.flush();
  const hands = makeHands({
    paths,
    clock,
    processes,
    containment,
    listeners,
    files,
    exits,
    kernel,
    preflight: checked,
    verify: preflight.verify,
    awaited,
    limitsOf: ({ key, spec }) => {
      const present = (): LogLimits => runtime.state().pools.get(poolIdOf(key))?.spec.logs ?? spec.logs;
      return {
        get maxSizeBytes() {
          return present().maxSizeBytes;
        },
        get keep() {
          return present().keep;
        },
      };
    },
    observe: () => {
      // Also where no engine lives: a device that was reset is waited for.
      kernel.look();
      return gpus.read();
    },
    record: recorded,
    touch: () => registry.touch(),
    onStorage,
    end: (exit) => ended(exit),
  });
  const covers = makeCovers({ supervisorEnv: world.env, stateDir: paths.stateDir, inventoryDir: dirname(inventory.file) });
  const runtime = makeRuntime(restored, clock, makePerform(coveredHands(hands, covers.of)));
  const failures = keepFailures({ filesOf: (key) => replicaPaths(paths, key), onStorage });
  runtime.onEvent((event) => failures.hear(event));
  const news = makeNews({ start: startedAt.getTime().toString(36), wallMs: () => clock.wallMs(), journalPath: paths.journal });
  runtime.onEvent((event) => news.publish(event));
  const metrics = makeMetrics({ view: () => service.status(), memory: memoryReader(() => processes.sweep()) });
  runtime.onEvent((event) => metrics.count(event));
  runtime.onInput((input, after) => metrics.hear(input, after));
  runtime.onInput((_, after) => awaited.look(after));
  const supervisor = (): SupervisorView => ({
    version,
    pid: world.pid,
    started_at: rfc3339(startedAt.getTime()),
    uptime_seconds: Math.round(clock.now() - begunAt) / 1000,
    socket: paths.socket,
    listen: tcp?.listen ?? null,
    inventory: inventory.file,
    state_dir: paths.stateDir,
    containment: containment.level(),
    event_loop_lag_ms: Math.round(clock.lagMs()),
    unsaved: storage.unsaved(),
  });
  const places = { directory: dirname(inventory.file), home: homedir() };
  const service = makeService({
    ...{ version, runtime, clock, news, paths, supervisor, metrics: () => metrics.text(), recorded },
    readModel: (ref, engine) => readModelRef(ref, engine, places),
    reread: options.reread,
  });
  let endedAs: Ended = null;
  const registry = openRegistry({
    path: paths.registry,
    content: () => maker.record(runtime.state(), endedAs, service.status()),
    onStorage: (error) => onStorage(paths.registry, error),
  });
  const { maxSizeBytes: maxBytes, keep } = inventory.supervisor.events;
  const journal = openJournal({ path: paths.journal, maxBytes, keep, onStorage: (error) => onStorage(paths.journal, error) });
  news.onLine((line) => {
    journal.append(line);
    registry.touch();
  });
  const face = world.face({ news, view: () => service.status(), paths, covers });
  const { notifier, missing } = await openSystemd({
    ...{ env: world.env, pid: world.pid, view: () => service.status() },
    stoppingMs: () => longestWayDownMs(runtime.state().inventory),
  });
  if (notifier !== null) news.onLine((line) => notifier.event(line));
  const api = await openApi({ socketPath: paths.socket, service, onError: world.onBug }).catch(async (error: unknown) => {
    for (const each of [exits, kernel, gpus]) each.close();
    await Promise.all([tcp?.close(), lock.release()]);
    throw error;
  });
  tcp?.serve(service);
  const place = storage.watch(paths.stateDir, {
    directories: () => [
      ...new Set([paths.stateDir, dirname(paths.socket)]),
      ...[paths.runDir, paths.handoffDir],
      ...[...runtime.state().pools.keys()].map((poolId) => poolLogs(paths.stateDir, poolId)),
    ],
    async retake() {
      const isNew = await lock.retake();
      await api.restore();
      return isNew;
    },
    mend() {
      files.mend();
      failures.mend();
      tellLostLogs(runtime.state(), paths, onStorage);
    },
  });
  notifier?.ready();

  const { signals, lostTerminal, onBug } = world;
  const hearNoMore = hearSignals({ signals, lostTerminal, runtime, face, news, apply: service.apply, onBug });

  const noticed = [
    ...(setAside === null ? [] : [`registry set aside: ${setAside}; engines that it named are ended before their pools start`]),
    ...(missing === null ? [] : [missing]),
  ];
  news.publish({
    event: 'supervisor.started',
    level: noticed.length === 0 ? 'info' : 'warn',
    ...(noticed.length === 0 ? {} : { reason: noticed.join('; ') }),
  });
  runtime.begin();
  await clearLeftovers(restored.state.leftovers, { paths, processes, containment, clock, runtime, news });
  const exit = await end;
  runtime.close();
  awaited.end();
  containment.close();
  endedAs = runtime.state().shutdown?.keep === true ? 'kept' : 'clean';
  exits.close();
  kernel.close();
  gpus.close();
  hearNoMore();
  news.publish({ event: 'supervisor.stopped', level: 'info', uptime_seconds: Math.round(clock.now() - begunAt) / 1000 });
  face.close();
  await place.close();
  await Promise.all([api.close(), tcp?.close(), notifier?.close()]);
  await Promise.all([journal.close(), registry.close(), failures.flush()]);
  await lock.release();
  return exit;
}
