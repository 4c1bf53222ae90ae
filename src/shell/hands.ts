/** The hands of the supervisor: each effect, done with the machine's own means. Put together from the files beside this one; decides nothing. */

import { setTimeout as sleep } from 'node:timers/promises';
import { killWaitMs } from '../core/alone.js';
import type { DevicesObservation, EngineIdentity, ExitEvidence, Verified } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import type { PoolSpec, ReplicaKey } from '../core/model.js';
import type { Kernel } from '../host/kernel.js';
import { type Paths, replicaPaths } from '../host/paths.js';
import { isAlive, ticksSinceBoot } from '../host/proc.js';
import { type ExitWatch, leaderOf } from './adoption.js';
import type { StillAwaited } from './awaited.js';
import type { Clock } from './clock.js';
import type { Containment } from './containment.js';
import { lastBeginning, lastLines } from './engine-log.js';
import { handoffOf, handoffText } from './handoff.js';
import { launchEngine } from './launcher.js';
import { type LifeWatch, watchLives } from './life-watch.js';
import type { Listeners } from './listener.js';
import { loopTurns } from './loop-turns.js';
import type { Hands, Reports } from './perform.js';
import { pidText } from './pid-files.js';
import { makeProbing } from './probing.js';
import { marksOf, type Processes, signalGroup } from './processes.js';
import type { LogLimits } from './rotation.js';
import type { Watch } from './shared-work.js';
import type { StandingFiles } from './standing-files.js';

/** What preflight worked out for a launch, so that the spawn has nothing left to look up. */
export type Prepared = {
  /** The launch chain, then the program (absolute) and its arguments. */
  readonly chain: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Local path of the model; null where it has none. */
  readonly modelPath: string | null;
  /** Arguments as they may be shown. */
  readonly shownArgs: readonly string[];
};

export type Preflight = (
  launch: Launch,
  watch: Watch,
) => Promise<Awaited<ReturnType<Hands['check']>> & { readonly prepared: Prepared | null }>;

export type HandsWorld = {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly containment: Pick<Containment, 'contain' | 'leafOf' | 'drop'>;
  readonly listeners: Listeners;
  /** Keeps pid files and handoff files. */
  readonly files: Pick<StandingFiles, 'write' | 'remove'>;
  readonly exits: ExitWatch;
  readonly kernel: Pick<Kernel, 'watch' | 'leave' | 'evidence'>;
  readonly preflight: Preflight;
  readonly verify: (spec: PoolSpec, allowDownloads: boolean, watch: Watch) => Promise<Verified>;
  /** Who waits yet for what is being looked at. */
  readonly awaited: StillAwaited;
  /** How long an engine's log may grow, at any time. @default what it was launched with */
  readonly limitsOf?: (launch: Launch) => LogLimits;
  readonly observe: () => Promise<DevicesObservation>;
  readonly record: () => Promise<void>;
  readonly touch: () => void;
  /** A file of ours could not be kept, or can again (null). */
  readonly onStorage: (what: string, error: string | null) => void;
  readonly end: (exit: number) => void;
};

/** A look at the whole machine for a dead engine's strays takes milliseconds: its successor goes first. */
const strayDelayMs = 50;

export function makeHands(world: HandsWorld): Hands {
  const { paths, processes, containment } = world;
  const prepared = new Map<ReplicaKey, Prepared & { readonly check: number }>();
  /** Of who was launched: all that is still needed of what was prepared. */
  const shown = new Map<ReplicaKey, Pick<Prepared, 'modelPath' | 'shownArgs'>>();
  /** Instances that another supervisor launched. */
  const adopted = new Set<string>();
  /** Instances that are to end, and why they did so is no question. */
  const ordered = new Set<string>();

  const inTurn = loopTurns();

  const { kernel, onStorage, limitsOf } = world;
  const lives = watchLives({ kernel, now: () => world.clock.now(), onStorage, limitsOf });
  const probing = makeProbing({
    ...world,
    marksOf: (launch, identity) => marks(launch, identity),
    logOf: ({ key }) => replicaPaths(paths, key).log,
  });

  const check: Hands['check'] = async (launch, tell) => {
    const asked = world.awaited.open(launch);
    const { prepared: ready, ...facts } = await world.preflight(launch, { signal: asked.signal, tell });
    asked.close();
    // An answer that comes late, when another check was made since, is no launch's any more.
    const later = (prepared.get(launch.key)?.check ?? 0) > launch.check;
    if (ready !== null && !later) prepared.set(launch.key, { ...ready, check: launch.check });
    return facts;
  };

  const verify: Hands['verify'] = async ({ operationId, spec, allowDownloads }, tell) => {
    const asked = world.awaited.open({ operationId });
    const found = await world.verify(spec, allowDownloads, { signal: asked.signal, tell });
    asked.close();
    return found;
  };

  async function spawn(launch: Launch, reports: Reports): ReturnType<Hands['spawn']> {
    const ready = prepared.get(launch.key);
    if (ready === undefined) throw new Error(`${launch.key} was to be spawned without a preflight`);
    const { log, pidFile } = replicaPaths(paths, launch.key);
    const { chain, argv, env, cwd, modelPath, shownArgs } = ready;
    prepared.delete(launch.key);
    shown.set(launch.key, { modelPath, shownArgs });
    const order = {
      key: launch.key,
      incarnation: launch.incarnation,
      chain: [...containment.contain(launch.key, launch.instance, env), ...chain],
      argv,
      env,
      cwd,
      logPath: log,
      logs: launch.spec.logs,
      pidFile,
    };
    let known: { readonly identity: EngineIdentity; readonly watch: LifeWatch } | null = null;
    const { files, clock } = world;
    const made = await launchEngine(order, { files, onStorage, inTurn, wallMs: () => clock.wallMs() }, async (exit) => {
      const empty = known === null || processes.isEmpty(known.identity);
      reports.exited(known === null ? exit : await explained(launch, exit, known.watch, reports), empty);
    });
    if (!made.ok) {
      forget(launch);
      return made;
    }
    const { pid, startTicks, logOffset, logPath } = made.value;
    const identity = { pid, startTicks, instance: launch.instance, logOffset };
    known = {
      identity,
      watch: lives.watch(launch, identity, { log: logPath, leaf: containment.leafOf(launch.instance), adopted: false, reports }),
    };
    return { ok: true, value: identity };
  }

  async function adopt(launch: Launch, identity: EngineIdentity, reports: Reports): Promise<boolean> {
    const { log, pidFile } = replicaPaths(paths, launch.key);
    adopted.add(launch.instance);
    const watch = lives.watch(launch, identity, { log, leaf: containment.leafOf(launch.instance), adopted: true, reports });
    const gone = async (): Promise<void> => {
      world.files.remove(pidFile);
      const left = await processes.survivors(marks(launch, identity));
      // Nobody but its parent is told how it ended, and that parent is dead.
      const exit = { code: null, signal: null, spawnError: null, lastLines: lastLines(log), diagnosis: null };
      reports.exited(await explained(launch, exit, watch, reports), left.length === 0);
    };
    if (!isAlive(identity)) {
      setImmediate(gone);
      return false;
    }
    world.files.write(pidFile, pidText(identity.pid));
    world.exits.watch(identity, gone);
    return true;
  }

  async function explained({ instance }: Launch, exit: ExitEvidence, watch: LifeWatch, reports: Reports): Promise<ExitEvidence> {
    if (!ordered.delete(instance)) return foundOut(watch.ended(exit), reports);
    watch.leave();
    return exit;
  }

  async function seek(launch: Launch, reports: Reports): Promise<EngineIdentity | null> {
    const { log } = replicaPaths(paths, launch.key);
    const tree = { leader: null, watched: false, instance: launch.instance, logPath: log };
    const leader = leaderOf(await processes.survivors(tree));
    if (leader === null) {
      // A launch of which only strays are left is over: they go before the next one comes, unless they are beyond a signal's reach.
      const until = world.clock.now() + killWaitMs;
      while ((await processes.killSurvivors(tree)).length > 0 && world.clock.now() < until) await sleep(strayDelayMs);
      forget(launch);
      return null;
    }
    // What its predecessors have said is not held against it.
    const logOffset = lastBeginning(log);
    const identity = { pid: leader.pid, startTicks: leader.startTicks, instance: launch.instance, logOffset };
    await adopt(launch, identity, reports);
    return identity;
  }

  async function sweep(launch: Launch, identity: EngineIdentity, mode: 'look' | 'kill' | 'strays'): Promise<readonly number[]> {
    const strays = mode === 'strays' ? { endedTicks: ticksSinceBoot() } : null;
    if (strays !== null) await sleep(strayDelayMs);
    const tree = marks(launch, identity, strays);
    const left = mode === 'look' ? (await processes.survivors(tree)).map(({ pid }) => pid) : await processes.killSurvivors(tree);
    if (left.length === 0) forget(launch);
    return left;
  }

  /** Nobody of it is left. */
  function forget({ instance }: Launch): void {
    containment.drop(instance);
    ordered.delete(instance);
  }

  function marks({ key }: Launch, identity: EngineIdentity, strays: { readonly endedTicks: number } | null = null) {
    return marksOf(identity, replicaPaths(paths, key).log, { strays, watched: !adopted.has(identity.instance) });
  }

  return {
    record: world.record,
    touch: world.touch,
    observe: world.observe,
    check,
    verify,
    spawn,
    seek,
    adopt,
    ...probing,
    sweep,
    signal(launch, identity, rung, isOrdered) {
      world.exits.expect(identity);
      if (isOrdered) ordered.add(launch.instance);
      if (rung === 'term') signalGroup(identity, launch.spec.stop.signal as NodeJS.Signals, { andContinue: true });
      else void processes.killTree(marks(launch, identity));
    },
    writeHandoff(launch, facts) {
      const { modelPath = null, shownArgs = [] } = shown.get(launch.key) ?? {};
      const handoff = handoffOf(launch, facts, { modelPath, flags: shownArgs });
      world.files.write(replicaPaths(paths, launch.key).handoff, handoffText(handoff));
    },
    removeHandoff(key) {
      world.files.remove(replicaPaths(paths, key).handoff);
    },
    end: world.end,
  };
}

/** A long log, or a kernel's log that must be asked for, takes its time: that the engine has ended does not wait for it. */
async function foundOut<T>(cause: Promise<T>, { died }: Reports): Promise<T> {
  const late = setTimeout(died, promptMs);
  const found = await cause;
  clearTimeout(late);
  return found;
}

const promptMs = 20;
