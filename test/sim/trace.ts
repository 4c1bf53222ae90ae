/** Lines that a person can follow: when, and what. */

import type { Event } from '../../src/core/events.js';
import type { Input } from '../../src/core/messages.js';

export function line(atMs: number, text: string): string {
  const seconds = Math.floor(atMs / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(hours)}:${two(minutes)}:${two(seconds % 60)}.${String(Math.floor(atMs % 1000)).padStart(3, '0')}  ${text}`;
}

/** An input, as it goes in. */
export function told(input: Input): string {
  const who = 'key' in input ? ` ${input.key}${'incarnation' in input ? ` #${input.incarnation}` : ''}` : '';
  return `${input.type}${who}${what(input)}`;
}

/** An event, as it is told. */
export function news(event: Event): string {
  const {
    event: name,
    pool_id,
    replica_id,
    incarnation,
    lease_id,
    active_leases,
    because,
    reason,
    from,
    to,
    breaker,
    old_state,
    new_state,
    backoff_ms,
  } = event;
  const who =
    pool_id === undefined
      ? ''
      : ` ${pool_id}${replica_id === undefined ? '' : `/${replica_id}${incarnation === undefined ? '' : ` #${incarnation}`}`}`;
  const turn = from === undefined ? '' : ` ${from} -> ${to}`;
  const { result, model_to } = event;
  const leases = active_leases === undefined ? undefined : `${lease_id}, ${active_leases} held`;
  const more = [
    because,
    result,
    model_to,
    breaker,
    old_state,
    new_state,
    backoff_ms && `${backoff_ms} ms`,
    leases,
    reason,
  ].filter((each) => each !== undefined);
  return `${name}${who}${turn}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
}

function what(input: Input): string {
  switch (input.type) {
    case 'requested':
      return ` ${input.verb} ${input.poolId}/${input.replicaId ?? '*'}${input.once === true ? ' once' : ''}${input.now === true ? ' now' : ''}${within(input)}${input.extend === true ? ', extended' : ''}`;
    case 'shutdown-requested':
      return `${input.keep === true ? ', engines kept' : ''}${input.rung === 'drain' ? ', drained first' : input.rung === 'kill' ? ', by force' : ''}${within(input)}`;
    case 'checked':
      return input.obstacles.length === 0 ? ': nothing in the way' : `: ${input.obstacles.map(({ text }) => text).join(', ')}`;
    case 'exited': {
      const { code, signal, spawnError, diagnosis } = input.exit;
      return `: ${spawnError?.errno ?? signal ?? code} ${diagnosis?.subclass ?? ''}${input.empty ? '' : ', members left'}`;
    }
    case 'spawned':
      return `: pid ${input.identity.pid}`;
    case 'swept':
      return `: ${input.left.length} left`;
    case 'probed':
      return `: ${input.result.verdict}, ${input.result.detail}, ${input.result.listener}`;
    case 'generated':
      return `: ${input.verdict}`;
    case 'polled':
      return `: ${input.canTell ? (input.inflight ?? 'no answer') : 'cannot tell'}`;
    case 'lease-requested':
      return ` ${input.poolId}/${input.replicaId ?? '*'} for ${input.ttlMs} ms`;
    case 'lease-renewed':
      return ` ${input.id}${input.ttlMs === null ? '' : ` for ${input.ttlMs} ms`}`;
    case 'lease-released':
      return ` ${input.id}`;
    case 'reload-requested':
      return ` ${input.poolId} to ${input.chosen.model}${within({ deadlineMs: input.drainMs })}`;
    case 'apply-requested':
      return ` of ${input.inventory.pools.map(({ poolId }) => poolId).join(', ')}`;
    case 'verified':
      return ` ${input.poolId}: ${input.obstacles.map(({ text }) => text).join(', ') || 'sound'}`;
    case 'alarmed':
      return `: ${input.alarm.kind}`;
    default:
      return '';
  }
}

const within = ({ deadlineMs }: { readonly deadlineMs?: number | null }): string =>
  deadlineMs == null ? '' : ` within ${Math.round(deadlineMs)} ms`;
