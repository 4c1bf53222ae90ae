/**
 * What systemd is told of the supervisor: that it is there, what its replicas are, that it is on its way down, and that its event loop still
 * turns. Another reader of the events; how a message gets there is its caller's.
 */

import type { EventLine, StatusView } from '../api/wire.js';
import { stateCounts } from '../text/state-counts.js';

export type NotifyOptions = {
  /** Delivers assignments such as READY=1 together. One call at a time; never rejects. */
  readonly send: (assignments: readonly string[]) => Promise<void>;
  readonly view: () => StatusView;
  /** Calls `run` once after so many milliseconds, unless the returned function is called before. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** How often systemd wants to hear of us, in milliseconds; null: it does not watch. */
  readonly watchdogMs: number | null;
  /** How long the way down may take from now on, in milliseconds: the unit's own patience may be shorter. */
  readonly stoppingMs: () => number;
};

export type Notifier = {
  /** Clients can reach it from now on. */
  ready(): void;
  event(line: EventLine): void;
  /** Resolves when all is delivered. */
  close(): Promise<void>;
};

/** A storm of events is one new status. */
const statusMs = 1_000;

export function openNotifier({ send, view, after, watchdogMs, stoppingMs }: NotifyOptions): Notifier {
  const waiting = new Map<string, string>();
  let sending: Promise<void> | null = null;
  let told = '';
  let stopping = false;
  let forgetStatus: (() => void) | null = null;
  let forgetWatchdog = (): void => {};

  const flush = async (): Promise<void> => {
    while (waiting.size > 0) {
      const assignments = [...waiting].map(([name, value]) => `${name}=${value}`);
      waiting.clear();
      await send(assignments);
    }
    sending = null;
  };
  const tell = (assignments: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(assignments)) waiting.set(name, value);
    sending ??= flush();
  };
  const status = (): string => `${stopping ? 'stopping: ' : ''}${stateCounts(view().pools.flatMap(({ replicas }) => replicas))}`;
  const tellStatus = (): void => {
    forgetStatus = null;
    if (status() === told) return;
    told = status();
    tell({ STATUS: told });
  };
  const ping = (ms: number): void => {
    forgetWatchdog = after(ms, () => {
      tell({ WATCHDOG: '1' });
      ping(ms);
    });
  };
  // Half of its patience, as sd_watchdog_enabled(3) has it.
  if (watchdogMs !== null) ping(watchdogMs / 2);

  return {
    ready() {
      told = status();
      tell({ READY: '1', STATUS: told });
    },
    event({ event }) {
      if (event === 'supervisor.stopping') {
        stopping = true;
        told = status();
        tell({ STOPPING: '1', STATUS: told, EXTEND_TIMEOUT_USEC: String(Math.round(stoppingMs() * 1_000)) });
      } else forgetStatus ??= after(statusMs, tellStatus);
    },
    async close() {
      forgetWatchdog();
      forgetStatus?.();
      await sending;
    },
  };
}
