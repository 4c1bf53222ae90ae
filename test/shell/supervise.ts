/** The core and the real hands together, without the command line: a supervisor in the test's own process. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { KernelEvidence } from '../../src/core/crash.js';
import type { Event } from '../../src/core/events.js';
import type { PoolSpec } from '../../src/core/model.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { watchExits } from '../../src/shell/adoption.js';
import { makeAwaited } from '../../src/shell/awaited.js';
import { systemClock } from '../../src/shell/clock.js';
import { makeHands, type Preflight } from '../../src/shell/hands.js';
import { noLeaves } from '../../src/shell/leaves.js';
import { makeListeners } from '../../src/shell/listener.js';
import { makePerform } from '../../src/shell/perform.js';
import { makeProcesses } from '../../src/shell/processes.js';
import { makeRuntime, type Runtime } from '../../src/shell/runtime.js';
import { standingFiles } from '../../src/shell/standing-files.js';
import { begun, inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';

/** Ends with its engines at the test's end. `kernel` is what the kernel will say of every exit. */
export function supervise(spec: PoolSpec, argvOf: (port: number) => readonly string[], kernel: readonly KernelEvidence[] = []) {
  const dir = mkdtempSync(join(tmpdir(), 'poolctl-hands-'));
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  const clock = systemClock();
  const processes = makeProcesses(process.pid);
  const broken: string[] = [];
  /** Pids of whose end nobody asked the kernel. */
  const unasked: number[] = [];
  const preflight: Preflight = async (launch) => ({
    obstacles: [],
    startupDeadlineMs: 20_000,
    portKnownFree: true,
    modelBytes: null,
    listed: true,
    prepared: {
      chain: [],
      argv: argvOf(launch.port),
      env: { PATH: process.env.PATH ?? '', POOLCTL_INSTANCE: launch.instance },
      cwd: dir,
      modelPath: null,
      shownArgs: [],
    },
  });
  let endWith: (exit: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    endWith = resolve;
  });
  const hands = makeHands({
    paths,
    clock,
    processes,
    containment: { ...noLeaves, contain: () => [] },
    listeners: makeListeners(processes),
    files: standingFiles((_, error) => void (error === null || broken.push(error))),
    exits: watchExits(),
    kernel: { watch: () => {}, leave: (pid) => void unasked.push(pid), evidence: async () => kernel },
    preflight,
    awaited: makeAwaited(),
    verify: async () => ({ obstacles: [], name: null, about: null, modelBytes: null, hostTotalBytes: null }),
    observe: async () => ({ devices: [], tool: 'none', note: null, processes: null, askedAt: 0 }),
    record: async () => {},
    touch: () => {},
    onStorage: (_, error) => void (error === null || broken.push(error)),
    end: (exit) => endWith(exit),
  });
  const restored = begun({
    inventory: { ...inventoryOf(spec), supervisor: { ...supervisorSpec, ports: portsOfWorker() } },
    now: clock.now(),
  });
  const runtime = makeRuntime(restored, clock, makePerform(hands));
  const end = async (): Promise<void> => {
    runtime.give({ type: 'shutdown-requested', because: 'the test ends', rung: 'kill', exit: 0, correlationId: null });
    await ended;
  };
  onTestFinished(async () => {
    await end();
    runtime.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    runtime,
    broken,
    unasked,
    end,
    files: { pid: join(dir, 'run/chat.r0.pid'), handoff: join(dir, 'handoff/chat.r0.json'), log: join(dir, 'logs/chat/r0.log') },
  };
}

/** The preflight above looks at no port: two test files that run at once must not want the same. */
function portsOfWorker() {
  const from = 28_100 + 100 * (Number(process.env.VITEST_POOL_ID ?? 1) % 7);
  return { from, to: from + 99 };
}

/** The next event of this name. */
export const told = (runtime: Runtime, name: Event['event']) =>
  new Promise<Event>((resolve) => {
    const stop = runtime.onEvent((event) => {
      if (event.event !== name) return;
      stop();
      resolve(event);
    });
  });

/** One replica, probed often and brought back at once. */
export const quick = (more: Partial<PoolSpec> = {}): PoolSpec => {
  const { health, restart } = poolSpec('chat', 1);
  return poolSpec('chat', 1, {
    health: { ...health, startupIntervalMs: 20, intervalMs: 50 },
    restart: { ...restart, backoff: { ...restart.backoff, initialMs: 20, minMs: 0 } },
    ...more,
  });
};
