/** How a supervisor is told to stop by signals, and how long that may take. */

import type { EventEmitter } from 'node:events';
import type { Service } from '../api/service.js';
import type { Inventory } from '../core/model.js';
import type { Runtime } from '../shell/runtime.js';
import type { Console } from '../telemetry/console.js';
import { rejected } from './apply.js';
import type { News } from './news.js';

export type Heard = {
  /** SIGTERM and SIGINT: the first drains, the second stops, the third kills. SIGHUP: the inventory is read again. */
  readonly signals: EventEmitter;
  /** Whether it began on a terminal that is gone: nobody can stop it from there any more, and SIGHUP says so. */
  readonly lostTerminal: () => boolean;
  readonly runtime: Runtime;
  readonly face: Pick<Console, 'stopping'>;
  readonly news: News;
  readonly apply: Service['apply'];
  readonly onBug: (error: unknown) => void;
};

/** Answers how to hear them no longer. */
export function hearSignals({ signals, lostTerminal, runtime, face, news, apply, onBug }: Heard): () => void {
  let asked = 0;
  const onStop = (signal: 'SIGTERM' | 'SIGINT'): void => {
    const rung = (['drain', 'stop'] as const)[asked] ?? 'kill';
    asked += 1;
    const { leases, inventory } = runtime.state();
    if (rung === 'drain') face.stopping({ rung, leases: leases.size, deadlineMs: inventory.supervisor.shutdownDeadlineMs });
    else if (rung === 'stop') face.stopping({ rung, graceMs: longestGraceMs(inventory) });
    const exit = rung !== 'kill' ? 0 : signal === 'SIGINT' ? 130 : 143;
    runtime.give({ type: 'shutdown-requested', because: signal, rung, exit, correlationId: null });
  };
  const onHangUp = (): void => {
    if (lostTerminal()) onStop('SIGTERM');
    else
      apply(false, null).then((applied) => {
        if (applied.kind === 'refused') news.publish(rejected(applied.refusal.message, null));
      }, onBug);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, onStop);
  signals.on('SIGHUP', onHangUp);
  return () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.off(signal, onStop);
    signals.off('SIGHUP', onHangUp);
  };
}

/** Every drain, every engine's own grace, and what is left to SIGKILL. */
export function longestWayDownMs(inventory: Inventory): number {
  return inventory.supervisor.shutdownDeadlineMs + longestGraceMs(inventory) + lastResortMs;
}

const lastResortMs = 15_000;

function longestGraceMs({ pools }: Inventory): number {
  return Math.max(0, ...pools.map(({ stop }) => stop.graceMs));
}
