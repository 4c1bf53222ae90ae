/** What a person would say of each event: one function an event name, so that a new event does not compile without its sentence. */

import type { Event, EventName } from '../core/events.js';
import { span, took } from '../text/time.js';

/** One line, beginning with whom it is about; no full stop. */
export function sentence(event: Event): string {
  return sentences[event.event](event);
}

/** Waits whose reason no crash has told a moment before. */
const told: ReadonlySet<string> = new Set(['preflight', 'health']);

const sentences: { readonly [Name in EventName]: (event: Event) => string } = {
  'supervisor.started': (event) => `poolctl started${also(pid(event), event.reason)}`,
  'supervisor.stopping': (event) => `poolctl stopping${because(event)}`,
  'supervisor.stopped': (event) =>
    `poolctl stopped${event.uptime_seconds === undefined ? '' : ` after ${span(event.uptime_seconds * 1000)}`}${also(event.reason)}`,
  'replica.preparing': (event) => `${who(event)} preparing${causes[event.because ?? ''] ?? because(event)}`,
  'replica.starting': (event) =>
    `${who(event)} starting${behind(listed(pid(event), on(event.device_mask), port(event), event.engine, event.model_id ?? undefined, attempt(event)))}`,
  'replica.ready': (event) =>
    `${who(event)} ready${event.uptime_seconds === undefined ? (event.because === undefined ? '' : ' again') : ` in ${took(event.uptime_seconds * 1000)}`}${also(event.url)}`,
  'replica.unhealthy': (event) => `${who(event)} unhealthy${because(event)}`,
  'replica.draining': (event) => `${who(event)} draining${because(event)}`,
  'replica.stopping': (event) => `${who(event)} stopping${because(event)}`,
  'replica.stopped': (event) => `${who(event)} stopped${because(event)}`,
  'replica.crashed': crashed,
  'replica.backoff': (event) =>
    `${who(event)} waits${event.backoff_ms === undefined ? '' : ` ${span(event.backoff_ms)}`} before it is started again${
      event.attempt === undefined ? '' : ` (try ${event.attempt + 1})`
    }${told.has(event.crash_reason ?? '') ? because(event) : ''}`,
  'replica.failed': (event) => `${who(event)} failed${because(event)}${event.hint === undefined ? '' : `; ${event.hint}`}`,
  'replica.stuck': (event) => `${who(event)} stuck${because(event)}${event.hint === undefined ? '' : `; ${event.hint}`}`,
  'replica.broken': (event) =>
    `${who(event)} is not started for a while${because(event)}${event.hint === undefined ? '' : `; ${event.hint}`}`,
  'replica.adopted': (event) =>
    `${who(event)} taken over from an earlier supervisor${behind(listed(pid(event), on(event.device_mask), port(event)))}`,
  'probe.failed': (event) =>
    `${who(event)} did not pass a health check${because(event)}${event.failure_count === undefined ? '' : ` (${event.failure_count} in a row)`}`,
  'breaker.changed': breaker,
  'storm.warning': (event) => restarts(event, 'often', ''),
  'storm.limited': (event) => restarts(event, 'too often', ': the next restart waits'),
  'storm.tripped': (event) => restarts(event, 'all the time', ': breakers open'),
  'lease.granted': (event) => `${who(event)} leased${holder(event)}`,
  'lease.released': (event) => `${who(event)} given back${holder(event, ' by ')}`,
  'lease.expired': (event) => `${who(event)}: a lease${holder(event, ' of ')} expired; nobody renewed it`,
  'lease.lost': (event) => `${who(event)}: a lease${holder(event, ' of ')} is lost${because(event)}`,
  'lease.refused': (event) => `${who(event)}: no lease${holder(event, ' for ')}${because(event)}`,
  'drain.started': (event) =>
    `drain of ${who(event)} begins${also(event.active_leases ? `with ${event.active_leases} lease${event.active_leases === 1 ? '' : 's'} held` : undefined)}`,
  'reload.started': (event) =>
    `${who(event)} changes to ${event.model_to ?? 'another model'}${event.detail === undefined ? '' : ` (${event.detail})`}${also(over(event))}`,
  'reload.rolled_back': (event) => `${who(event)} goes back to ${event.model_from ?? 'its model'}${because(event)}`,
  'reload.finished': reloaded,
  'drain.finished': drainEnd,
  'model.staging': (event) => `${who(event)} ${event.detail ?? 'prepares its model'}`,
  'model.staged': (event) => `${who(event)} has its model${behind(event.detail ?? event.model_id ?? '')}`,
  'model.failed': (event) => `${who(event)} does not get its model${because(event)}`,
  'operation.started': (event) => `${what(event)} begins${also(event.detail)}`,
  'operation.step': (event) => `${who(event)}: ${event.detail ?? what(event)}${also(event.result, event.reason)}`,
  'operation.finished': (event) => `${what(event)} ends: ${event.reason ?? event.result ?? 'done'}`,
  'device.found': (event) => `${event.detail ?? 'a device'}  ${event.device === undefined ? '' : shortUuid(event)}`.trimEnd(),
  'device.lost': (event) => `${device(event)} is gone${advice(event)}`,
  'device.unhealthy': (event) =>
    event.result === 'recovered'
      ? `${device(event)} is healthy again`
      : `${device(event)} ${event.reason ?? 'is unhealthy'}${advice(event)}`,
  'device.error': (event) => `${device(event)} ${event.reason ?? 'reported an error'}`,
  'device.reset': (event) => `${device(event)} ${event.reason ?? 'was reset'}`,
  'device.mismatch': (event) => `${who(event)} ${event.reason ?? 'is not where its mask puts it'}${advice(event)}`,
  'engine_version.mixed': (event) => `${who(event)}: its replicas run different engine versions${because(event)}`,
  'inventory.applied': ({ result, reason }) =>
    result === 'unchanged'
      ? 'the inventory is as it was'
      : reason === undefined
        ? 'the inventory was applied'
        : `the inventory was applied in part: ${reason}`,
  'inventory.rejected': ({ reason, hint }) => `the inventory stays as it was${behind([reason, hint].filter(Boolean).join('; '))}`,
  'storage.degraded': ({ result, detail = 'state', reason }) =>
    result === 'recovered'
      ? `${detail} is being saved again`
      : `${detail} is not being saved${reason === undefined ? '' : `: ${reason}`}`,
};

/** Why a launch is prepared, in the core's words and in a person's. */
const causes: Readonly<Record<string, string>> = {
  operator: ': asked to start',
  apply: ' with its new entry',
  start: '',
  crash: ' again after it crashed',
  health: ' again after it failed its health checks',
  preflight: ' again',
  reload: ' with another model',
};

const holder = ({ holder: name }: Event, word = ' to '): string => (name === undefined ? '' : `${word}${name}`);

/** `chat/r0`, `chat`, or the supervisor itself. */
function who({ pool_id, replica_id }: Event): string {
  if (pool_id === undefined) return 'poolctl';
  return replica_id === undefined ? pool_id : `${pool_id}/${replica_id}`;
}

/** `rolling over r0, r1`. */
function over({ strategy, replicas = [] }: Event): string | undefined {
  if (strategy === undefined || replicas.length === 0) return undefined;
  return `${strategy === 'rolling' ? 'rolling over' : 'recreating'} ${replicas.join(', ')}`;
}

function reloaded(event: Event): string {
  const { result, model_from: from, model_to: to, duration_ms: ms } = event;
  const after = ms === undefined ? '' : ` after ${took(ms)}`;
  const old = from ?? 'its model';
  switch (result) {
    case 'reloaded':
      return `${who(event)} reloaded${ms === undefined ? '' : ` in ${took(ms)}`}${behind(to ?? '')}`;
    case 'unchanged':
      return `${who(event)} has the model already`;
    case 'failed':
      return `${who(event)} keeps ${old}${because(event)}`;
    case 'drain_timeout':
      return `${who(event)} serves ${old} as before, given up${after}${because(event)}`;
    case 'rollback_failed':
      return `${who(event)} does not come back with ${old}${after}${because(event)}`;
    case 'cancelled':
      return `${who(event)} does not change its model${because(event)}`;
    default:
      return `${who(event)} serves ${old} as before, rolled back${after}${because(event)}`;
  }
}

/** `chat/r0 drained in 22.0s`, `chat/r0 drained by force after 5m00s, 2 leases cut`, `chat/r0: drain was cancelled by a start`. */
function drainEnd(event: Event): string {
  const { result, reason, duration_ms: ms } = event;
  const time = (word: string): string => (ms === undefined ? '' : ` ${word} ${took(ms)}`);
  switch (result) {
    case 'drained':
      return `${who(event)} drained${time('in')}`;
    case 'forced':
      return `${who(event)} drained by force${time('after')}${also(event.detail)}`;
    default:
      return `${who(event)}: ${reason ?? 'it was not drained'}`;
  }
}

function crashed(event: Event): string {
  const how = event.last_error ?? event.reason ?? ended(event);
  const count = event.crash_count === undefined || event.crash_count < 2 ? '' : ` (crash ${event.crash_count} in a row)`;
  return `${who(event)} crashed: ${how}${count}`;
}

function ended({ exit_code, signal }: Event): string {
  if (signal !== undefined && signal !== null) return `killed by ${signal}`;
  return exit_code === undefined || exit_code === null ? 'ended, and nobody saw how' : `exited with code ${exit_code}`;
}

function breaker(event: Event): string {
  const name = event.breaker === 'cuda' ? 'the breaker for GPU errors' : 'its breaker';
  const count = event.failure_count === undefined || event.failure_count === 0 ? '' : ` after ${failures(event.failure_count)}`;
  switch (event.new_state) {
    case 'open':
      return `${who(event)} is not started for a while: ${name} opened${count}`;
    case 'half-open':
      return `${who(event)} may try one launch: ${name} is half-open`;
    case 'closed':
      return `${who(event)} may start as usual: ${name} closed`;
    default:
      return `${who(event)}: ${name} changed`;
  }
}

const failures = (count: number): string => (count === 1 ? 'one failure' : `${count} failures in a row`);

/** `chat restarts too often, 10 times in 1m: the next restart waits; each time a GPU error`. */
function restarts(event: Event, how: string, then: string): string {
  const { pool_id, restart_count: times, time_window_ms: ms } = event;
  const whose =
    pool_id === undefined || event.storm_kind === 'device' ? `engines on ${shortUuid(event)} restart` : `${who(event)} restarts`;
  const count = times === undefined ? '' : `, ${times} times${ms === undefined ? '' : ` in ${span(ms)}`}`;
  return `${whose} ${how}${count}${then}${remedy(event)}`;
}

/** What all these restarts have in common, where they have it. */
function remedy({ storm_kind, hint }: Event): string {
  const common =
    storm_kind === 'oom_storm' ? 'each time out of memory' : storm_kind === 'cuda_storm' ? 'each time a GPU error' : '';
  return [common, hint ?? ''].map((part) => (part === '' ? '' : `; ${part}`)).join('');
}

/** The most telling of what is there. */
function because(event: Event): string {
  return behind(event.reason ?? event.last_error ?? event.detail ?? event.because ?? '');
}

const behind = (text: string): string => (text === '' ? '' : `: ${text}`);

/** `restart of chat`, `shutdown`. */
function what({ kind = 'operation', pool_id }: Event): string {
  return pool_id === undefined ? kind : `${kind} of ${pool_id}`;
}

/** `GPU-8932f937`: enough to tell devices apart, and a mask may be written so. */
const shortUuid = ({ device = 'a device' }: Event): string => /^[A-Z]+-[0-9a-f]{8}/.exec(device)?.[0] ?? device;

const device = (event: Event): string => event.detail ?? shortUuid(event);
const advice = ({ hint }: Event): string => (hint === undefined ? '' : `; ${hint}`);

const on = (mask: string | undefined): string | undefined =>
  mask === undefined || mask === 'cpu' ? mask : /^[\d,]+$/.test(mask) ? `GPU ${mask}` : mask;
const pid = ({ pid: id }: Event): string | undefined => (id === undefined ? undefined : `pid ${id}`);
const port = ({ port: id }: Event): string | undefined => (id === undefined ? undefined : `port ${id}`);
const attempt = ({ attempt: n }: Event): string | undefined => (n === undefined || n < 2 ? undefined : `try ${n}`);

function listed(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(', ');
}

function also(...parts: readonly (string | undefined)[]): string {
  const text = listed(...parts);
  return text === '' ? '' : `, ${text}`;
}
