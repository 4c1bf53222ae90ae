/** What is told of one replica in full, each fact in a line's worth of words. Null where there is nothing to say. */

import { basename } from 'node:path';
import type { LastExitView, StatusView } from '../api/wire.js';
import { maskText, type Place, placeName } from './places.js';
import { tilde } from './tilde.js';
import { clockTime, took } from './time.js';

export function nextOf(place: Place): string | null {
  const { backoff, breaker, state, goal } = place.replica;
  const start = `poolctl start ${placeName(place)}`;
  if (backoff !== null) {
    const at = Date.parse(backoff.next_restart_at);
    return `try ${backoff.attempt + 1} at ${clockTime(at)}; at once: ${start}`;
  }
  if (state === 'broken') {
    const at = [breaker.retry_at, breaker.cuda.retry_at].flatMap((each) => (each === null ? [] : [Date.parse(each)]));
    return `one launch at ${clockTime(Math.max(...at))}; at once: poolctl reset ${placeName(place)}`;
  }
  if (state === 'draining' && goal === 'down') return `then stopped; to go on serving: ${start}`;
  if (state === 'failed') return `not tried again by itself; when it is mended: ${start}`;
  // A start is refused as long as a breaker is open.
  if (state === 'stopped' && (breaker.state === 'open' || breaker.cuda.state === 'open'))
    return `to serve again: poolctl reset ${placeName(place)}`;
  if (state === 'stopped') return goal === 'up' ? `not started again by itself: ${start}` : `to serve again: ${start}`;
  return null;
}

export function exitText({ code, signal, class: kind, subclass, uptime_seconds, incarnation, at }: LastExitView): string {
  const how = signal ?? (code === null ? 'unknown' : `code ${code}`);
  const named = kind === 'unknown' ? how : `${how} (${subclass === null ? kind : `${kind}: ${subclass}`})`;
  return `${named} after ${took(uptime_seconds * 1000)}, incarnation ${incarnation}, ${clockTime(Date.parse(at))}`;
}

export function modelText({ replica: { model_id, model_ref } }: Place, home: string): string | null {
  if (model_ref === null) return model_id;
  const ref = tilde(model_ref, home);
  return model_id === null || ref.endsWith(model_id) ? ref : `${model_id} (${ref})`;
}

/** When, and what the file says instead. */
export function overrideText({ pool: { override } }: Place, { supervisor }: StatusView, home: string): string | null {
  if (override === null) return null;
  const { since, file_model_ref } = override;
  return `${clockTime(Date.parse(since))}; ${basename(supervisor.inventory)} names ${tilde(file_model_ref, home)}`;
}

export function engineText({ pool, replica }: Place, { devices }: StatusView): string {
  const { engine_version, device_mask, pid, host, port, url } = replica;
  const parts = [
    engine_version === null ? pool.engine : `${pool.engine} ${engine_version}`,
    `mask ${maskText(device_mask, devices)}${replica.devices.length === 0 ? '' : ` (${replica.devices.join(', ')})`}`,
    ...(pid === null ? [] : [replica.adopted ? `pid ${pid} (adopted)` : `pid ${pid}`]),
    ...(url !== null ? [url] : port === null ? [] : [`port ${port} on ${host}`]),
  ];
  return parts.join(', ');
}

export function countsText({ replica }: Place): string {
  const { restart_count, restarts_total, crash_count, crashes_total } = replica;
  return `restarts ${restart_count} (${restarts_total} in all), crashes ${crash_count} (${crashes_total} in all)`;
}
