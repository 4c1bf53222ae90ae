/** systemd, where it runs us and wants to hear of us: $NOTIFY_SOCKET and $WATCHDOG_USEC, sd_notify(3). */

import type { StatusView } from '../api/wire.js';
import { findProgram } from '../host/programs.js';
import { runProgram } from '../host/run.js';
import { type Notifier, openNotifier } from '../telemetry/notify.js';

export type SystemdOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly view: () => StatusView;
  /** How long the way down may take from now on, in milliseconds. */
  readonly stoppingMs: () => number;
};

/** `missing`: systemd waits for a word, and nobody is there to bring it. */
export type Systemd = { readonly notifier: Notifier | null; readonly missing: string | null };

/** Longer than that it has never taken, and the next word is as good. */
const deliveryMs = 5_000;

export async function openSystemd({ env, pid, view, stoppingMs }: SystemdOptions): Promise<Systemd> {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return { notifier: null, missing: null };
  // Node has no datagram sockets of that family.
  const program = await findProgram('systemd-notify', env.PATH, '/');
  if (program === null) return { notifier: null, missing: 'systemd is not told of us: there is no systemd-notify on PATH' };
  const notifier = openNotifier({
    ...{ view, stoppingMs, watchdogMs: watchdogOf(env, pid) },
    async send(assignments) {
      await runProgram(program, assignments, { timeoutMs: deliveryMs, env: { NOTIFY_SOCKET: socket } });
    },
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
  return { notifier, missing: null };
}

/** Null where nobody watches, or somebody else is watched. */
function watchdogOf(env: SystemdOptions['env'], pid: number): number | null {
  const ms = Number(env.WATCHDOG_USEC ?? '') / 1_000;
  const of = env.WATCHDOG_PID ?? String(pid);
  return ms > 0 && of === String(pid) ? ms : null;
}
