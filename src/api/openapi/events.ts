/** An event as it goes out: data of the stream, a line of the journal and of the log. */

import type { CrashClass } from '../../core/crash.js';
import type { Event, EventName } from '../../core/events.js';
import type { ReplicaId } from '../../core/model.js';
import { component, integer, list, maybe, number, object, orNull, type Typed, text, time, words } from './schema.js';

/** EventLine, with its keys by name; times are RFC 3339 outside. */
type Told = Omit<Event, 'next_restart_at'> & {
  readonly id: string;
  readonly time: string;
  readonly human: string;
  readonly next_restart_at?: string;
};

/** Comes in the place of what was missed. It has no id: a reader resumes from the last event that it got. */
type Gap = {
  readonly time: string;
  readonly event: 'gap';
  readonly level: 'warn';
  readonly human: string;
  readonly reason: string;
};

const names = words<EventName>('What has happened.', {
  'supervisor.started': '',
  'supervisor.stopping': '',
  'supervisor.stopped': '',
  'replica.preparing': 'it waits to load, or is checked before its launch',
  'replica.starting': 'the process exists',
  'replica.ready': '',
  'replica.unhealthy': '',
  'replica.draining': '',
  'replica.stopping': '',
  'replica.stopped': '',
  'replica.crashed': '',
  'replica.backoff': '',
  'replica.failed': '',
  'replica.stuck': '',
  'replica.broken': '',
  'replica.adopted': '',
  'probe.failed': '',
  'breaker.changed': '',
  'storm.warning': 'restarts become many',
  'storm.limited': 'the next restart waits',
  'storm.tripped': 'breakers open',
  'lease.granted': '',
  'lease.released': '',
  'lease.expired': 'nobody renewed it',
  'lease.lost': 'its engine ended, or its supervisor did',
  'lease.refused': '`result` has the code',
  'drain.started': '',
  'drain.finished': '`result` has the outcome',
  'reload.started': '',
  'reload.finished': '`result` has the outcome',
  'reload.rolled_back': '',
  'operation.started': '',
  'operation.step': '`detail` says what is done to the replica, `result` whether it runs, is done or has failed',
  'operation.finished': '`result` has the outcome',
  'inventory.applied': '`result` has the outcome',
  'inventory.rejected': 'it stays as it was read before',
  'model.staging': 'a model is being fetched, or its digest worked out',
  'model.staged': '',
  'model.failed': '',
  'device.found': '',
  'device.lost': '',
  'device.unhealthy': '',
  'device.error': "the kernel's log, or the driver's own count, tells of an error",
  'device.reset': '',
  'device.mismatch': 'an engine is not where its mask puts it',
  'engine_version.mixed': 'replicas of a pool run different versions',
  'storage.degraded': 'something cannot be written, or can again',
});

const levels = words<Event['level']>('', { debug: '', info: '', warn: '', error: '', critical: '' });
const breakerStates = words<NonNullable<Event['old_state']>>('', { closed: '', open: '', 'half-open': '' });

export const crashClass = words<CrashClass>('Why an engine died.', {
  vram_oom: 'out of GPU memory',
  host_oom: "out of the machine's memory",
  gpu_error: 'an error of the GPU, or in a kernel on it',
  driver: 'the driver is missing, too old, or gone',
  config: 'it cannot start as it is configured',
  crash: 'of its own',
  hang: 'it fell silent and was ended',
  graceful: 'it ended by itself, without an error',
  unknown: '',
});

const replicaId: Typed<ReplicaId> = { schema: { type: 'string', pattern: '^r[0-9]+$' } };

const told = object<Told>(
  {
    id: text('`<start>-<n>`, unique over restarts of the supervisor.', { pattern: '^.+-[0-9]+$' }),
    time: time(),
    event: names,
    level: levels,
    human: text('A sentence.'),
    pool_id: maybe(text()),
    replica_id: maybe(replicaId),
    engine: maybe(text()),
    engine_version: maybe(orNull(text())),
    device_mask: maybe(text()),
    model_id: maybe(orNull(text())),
    incarnation: maybe(integer('The number of the launch.')),
    from: maybe(text('The state before.')),
    to: maybe(text('The state after.')),
    because: maybe(text()),
    pid: maybe(integer()),
    port: maybe(integer()),
    url: maybe(text()),
    exit_code: maybe(orNull(integer())),
    signal: maybe(orNull(text())),
    crash_class: maybe(crashClass),
    uptime_seconds: maybe(number()),
    restart_count: maybe(integer()),
    crash_count: maybe(integer()),
    attempt: maybe(integer()),
    backoff_ms: maybe(integer('How long it waits before the next launch.')),
    next_restart_at: maybe(time()),
    crash_reason: maybe(text('What the wait is for: a crash class, `exit` or `health`.')),
    bytes_done: maybe(integer('Of a model on its way: what is there.')),
    bytes_total: maybe(integer('Of how much.')),
    obstacle: maybe(
      words<NonNullable<Event['obstacle']>>('What stood in the way of a launch.', {
        program: '',
        cwd: '',
        user: '',
        model: '',
        digest: '',
        env: '',
        'cpu-build': '',
        device: '',
        memory: '',
        port: '',
        download: '',
      }),
    ),
    old_state: maybe(breakerStates),
    new_state: maybe(breakerStates),
    failure_count: maybe(integer()),
    time_window_ms: maybe(integer()),
    active_leases: maybe(integer()),
    lease_id: maybe(text()),
    holder: maybe(text()),
    model_from: maybe(orNull(text())),
    model_to: maybe(orNull(text())),
    strategy: maybe(words('Of a reload.', { rolling: 'one replica after another', recreate: 'all at once' })),
    replicas: maybe(list(replicaId, 'Of a reload.')),
    operation_id: maybe(text()),
    duration_ms: maybe(integer('How long it took.')),
    kind: maybe(text('Of an operation.')),
    result: maybe(text()),
    reason: maybe(text()),
    last_error: maybe(orNull(text())),
    last_lines: maybe(list(text(), "The end of the engine's log.")),
    device: maybe(text('The UUID.')),
    breaker: maybe(words<NonNullable<Event['breaker']>>('', { general: '', cuda: 'of GPU errors' })),
    storm_kind: maybe(words<NonNullable<Event['storm_kind']>>('', { storm: '', oom_storm: '', cuda_storm: '', device: '' })),
    detail: maybe(text()),
    hint: maybe(text()),
    correlation_id: maybe(text('Of the request that caused it.')),
  },
  'A transition, told once. What does not apply is absent.',
);

export const eventLine = component<Told>('Event', told, {
  id: 'k3f9-118',
  time: '2026-03-01T13:00:29.000Z',
  event: 'replica.ready',
  level: 'info',
  human: 'chat/r0 ready in 29.0s, http://127.0.0.1:18100',
  pool_id: 'chat',
  replica_id: 'r0',
  incarnation: 1,
  pid: 4121,
  url: 'http://127.0.0.1:18100',
});

export const gap = component<Gap>(
  'Gap',
  object<Gap>(
    {
      time: time(),
      event: words('', { gap: '' }),
      level: words('', { warn: '' }),
      human: text('A sentence.'),
      reason: text('The id is not known any more, or the reader is too slow.'),
    },
    'Comes in the place of events that are missing. It has no id: a reader resumes from the last event that it got.',
  ),
  {
    time: '2026-03-01T13:00:31.000Z',
    event: 'gap',
    level: 'warn',
    human: 'events are missing here: this reader is too slow',
    reason: 'this reader is too slow',
  },
);
