/** A replica, and what it is made of. The keys are those of the core's views, each with its meaning. */

import type { EngineKind } from '../../core/model.js';
import type { LastExitView, PoolView, ReplicaStateName, ReplicaView } from '../wire.js';
import { crashClass } from './events.js';
import * as examples from './examples.js';
import { asText, component, flag, integer, list, number, object, orNull, ref, text, time, words } from './schema.js';

export const engine = asText(words<EngineKind>('', { llamacpp: '', vllm: '', sglang: '', command: '', demo: '' }));
export const maybeText = orNull(text());
export const maybeCount = orNull(integer());
export const leases = integer('Leases that are held.');
export const slotsTotal = orNull(integer('Requests at once; null until it is known.'));
export const slotsFree = integer('0 while it is not ready.');
export const restartCount = integer('Automatic restarts; begins anew after a long calm.');
export const crashCount = integer('Crashes; begins anew when it was ready for long.');
export const restartsTotal = integer('Automatic restarts in all its life.');
export const crashesTotal = integer('Crashes in all its life.');
export const modelRef = orNull(text('As the engine is given it; what a URL has before its host and behind its path is covered.'));

const breakerState = words<PoolView['breaker']['state']>('', {
  closed: '',
  open: 'no launches',
  'half-open': 'one launch is tried',
});
const retryAt = orNull(time('When one launch is tried.'));
const failures = integer('Failures in a row.');

export const breaker = component(
  'BreakerView',
  object<PoolView['breaker']>({
    state: breakerState,
    failures,
    retry_at: retryAt,
    cuda: object<PoolView['breaker']['cuda']>({ state: breakerState, failures, retry_at: retryAt }, 'The same for GPU errors.'),
  }),
  examples.pool.breaker,
);

export const perf = component(
  'PerfView',
  object<NonNullable<ReplicaView['perf']>>(
    {
      tokens_per_s: orNull(number('Tokens a second of one answer.')),
      first_token_ms: orNull(integer('How long a request waited for its first token.')),
    },
    "From the engine's own counters, smoothed with a half-life of a minute.",
  ),
  { tokens_per_s: 61.3, first_token_ms: null },
);

export const lastExit = component(
  'LastExitView',
  object<LastExitView>(
    {
      code: maybeCount,
      signal: maybeText,
      class: asText(crashClass),
      subclass: orNull(text('The cause within the class.')),
      evidence: orNull(
        object<NonNullable<LastExitView['evidence']>>(
          { line: integer('From 1, within the incarnation.'), text: text() },
          "The line of the engine's log that says so.",
        ),
      ),
      hint: maybeText,
      last_lines: list(text(), 'The end of its log, at most 20 lines.'),
      restartable: flag(),
      at: time(),
      uptime_seconds: number(),
      incarnation: integer(),
    },
    'How the last engine ended. Of an engine of an earlier supervisor nobody saw code and signal.',
  ),
  examples.replica.last_exit as LastExitView,
);

export const stateMeanings: Readonly<Record<ReplicaStateName, string>> = {
  stopped: 'not wanted, drained, or ended by itself',
  preparing: 'model, preflight, waiting to load',
  starting: 'spawned, not yet healthy',
  ready: 'takes leases',
  unhealthy: 'lives, fails its probes',
  draining: 'no new leases; those held and the requests that run are waited for',
  stopping: 'is being ended',
  backoff: 'waits before the next try',
  broken: 'its breaker is open',
  failed: 'permanent: not retried by itself',
  stuck: 'would not die',
};

export const replica = component(
  'ReplicaView',
  object<ReplicaView>(
    {
      replica_id: text(undefined, { pattern: '^r(0|[1-9][0-9]*)$' }),
      state: words('', stateMeanings),
      goal: words('What is wanted.', { up: '', down: '' }),
      live: flag('An engine process exists.'),
      ready: flag('It serves and takes leases.'),
      draining: flag('From the beginning of its drain until the engine has stopped.'),
      why: orNull(text('Why it is not ready; while it drains, what is waited for.')),
      device_mask: text('As written.'),
      devices: list(text(), 'Their UUIDs; empty for `cpu`.'),
      pid: maybeCount,
      incarnation: integer('Number of the last launch; 0: none yet.'),
      adopted: flag('The engine was launched by an earlier supervisor.'),
      host: text(),
      port: orNull(integer('Once given, kept.')),
      url: orNull(text('Where the requests go, while it is ready.')),
      started_at: orNull(time()),
      ready_at: orNull(time()),
      uptime_seconds: orNull(number()),
      last_heartbeat_ms: orNull(integer('The last good probe, in milliseconds since 1970.')),
      active_leases: leases,
      inflight: orNull(integer('Requests that the engine runs, where it can tell.')),
      slots_total: slotsTotal,
      slots_free: slotsFree,
      model_id: maybeText,
      model_ref: modelRef,
      engine_version: maybeText,
      restart_count: restartCount,
      crash_count: crashCount,
      restarts_total: restartsTotal,
      crashes_total: crashesTotal,
      last_crash_at: orNull(time()),
      backoff: orNull(
        object<NonNullable<ReplicaView['backoff']>>(
          { delay_ms: integer(), attempt: integer(), next_restart_at: time() },
          'While it waits.',
        ),
      ),
      breaker: ref(breaker),
      last_exit: orNull(ref(lastExit)),
      last_error: maybeText,
      perf: orNull(ref(perf)),
    },
    "The pool's place for one device mask; it outlives its processes.",
  ),
  examples.replica,
);
