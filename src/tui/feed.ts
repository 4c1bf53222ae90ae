/** What the supervisor tells, as news: its state whenever something happens and every second, its events; and, when it is gone, until when it is waited. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../api/client.js';
import { watchStatus } from '../api/watch.js';
import type { EventLine, StatusView } from '../api/wire.js';
import { PoolctlError } from '../errors.js';
import { oldAfterSeconds } from './device-lines.js';
import type { Failure } from './model.js';
import type { News } from './news.js';

/** Running requests, leases and memory come with no event. */
const lookEveryMs = 1_000;
/** However much happens. */
const leastBetweenMs = 250;
const firstRetryMs = 500;
const lastRetryMs = 5_000;

export type Sources = {
  readonly client: Client;
  /** What the command line has selected. Throws where it names what is not there. */
  narrow(view: StatusView): StatusView;
  /** What the last supervisor wrote down; null where there is nothing. */
  lastKnown(): Promise<StatusView | null>;
  /** Events of before. */
  past(): Promise<readonly EventLine[]>;
  now(): number;
};

/** `urgent`: something has happened, which a clock's next second is too late for. */
export type Tell = (news: News, urgent: boolean) => void;

/** Until `signal` is aborted. Throws only what `narrow` does, at the first look, and what is a bug. */
export async function follow(sources: Sources, tell: Tell, signal: AbortSignal): Promise<void> {
  const { now } = sources;
  let pid: number | null = null;
  let remembered = false;
  for (let failures = 0; !signal.aborted; failures += 1) {
    const seen = await whileItLives(sources, tell, signal).catch((error: unknown) => {
      if (signal.aborted) return { pid: null, error: null };
      if (error instanceof PoolctlError && connecting.has(error.code)) return { pid: null, error };
      throw error;
    });
    if (signal.aborted) return;
    if (seen.pid !== null) [pid, failures] = [seen.pid, 0];
    const waitMs = Math.min(lastRetryMs, firstRetryMs * 2 ** failures);
    tell({ kind: 'lost', failure: failureOf(seen.error, pid), retryAt: now() + waitMs }, true);
    if (!remembered && pid === null) {
      remembered = true;
      const view = await sources.lastKnown();
      if (view !== null) tell({ kind: 'view', view: sources.narrow({ ...view, stale: true }), current: false }, true);
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

const connecting: ReadonlySet<string> = new Set(['NO_SUPERVISOR', 'NOT_SUPPORTED', 'UNAUTHORIZED', 'INTERNAL', 'SHUTTING_DOWN']);

/** Until the connection ends. The pid of who was there, null where nobody was. */
async function whileItLives(
  { client, narrow, past }: Sources,
  tell: Tell,
  signal: AbortSignal,
): Promise<{ readonly pid: number | null; readonly error: PoolctlError | null }> {
  let pid: number | null = null;
  let happened = true;
  let leases = false;
  const hear = (event: EventLine): void => {
    happened = true;
    tell({ kind: 'event', event }, true);
  };
  try {
    for await (const whole of watchStatus(client, signal, lookEveryMs, hear)) {
      const view = narrow(whole);
      if (pid === null) void past().then((events) => tell({ kind: 'past', events }, true));
      pid = view.supervisor.pid;
      tell({ kind: 'view', view, current: true }, happened);
      happened = false;
      const held = whole.pools.some(({ active_leases }) => active_leases > 0);
      if (held || leases) tell({ kind: 'leases', leases: held ? await client.leases(null) : [] }, held !== leases);
      leases = held;
      const old = view.devices.some(({ age_seconds }) => (age_seconds ?? 0) >= oldAfterSeconds);
      if (old) tell({ kind: 'devices-note', note: (await client.devices()).note }, false);
      await sleep(leastBetweenMs, undefined, { signal }).catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof PoolctlError && connecting.has(error.code)) return { pid, error };
    throw error;
  }
  return { pid, error: null };
}

/** `pid`: of the last one that was there. */
export function failureOf(error: PoolctlError | null, pid: number | null): Failure {
  const why = error?.more.why ?? null;
  const hint = error?.more.hint ?? null;
  // What an error of the client begins with is what was to be done: here it is always the same.
  const what = error === null ? 'the supervisor has ended' : error.message.replace(/^cannot [^:]*: /, '');
  const refused = error !== null && (error.code !== 'NO_SUPERVISOR' || (why?.startsWith('permission denied') ?? false));
  if (refused) return { kind: 'refused', what, why, hint };
  if (pid === null) return { kind: 'nobody', what, why, hint };
  return { kind: 'gone', what: `supervisor pid ${pid} is gone`, why, hint };
}
