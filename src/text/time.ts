/** Times and spans as people read them. The local time zone counts, as in other logs on the machine. */

const two = (n: number): string => String(n).padStart(2, '0');

/** `14:02:09`, local time. */
export function clockTime(wallMs: number): string {
  const date = new Date(wallMs);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * `2026-03-01T14:02:09+01:00` would need the zone twice a year: times that machines read are UTC, `2026-03-01T13:02:09.123Z`.
 *
 * Throws RangeError for what is no time. Every event and every lease has some, and Date's own text of one takes five times as long.
 */
export function rfc3339(wallMs: number): string {
  const date = new Date(wallMs);
  const year = date.getUTCFullYear();
  if (!(year >= 1000 && year <= 9999)) return date.toISOString();
  const day = `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}T${time}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`;
}

/** At most six columns: `48s`, `12m05s`, `3h11m`, `12d04h`. Rounds down; never negative. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** How long something took: `0.4s`, `29.1s`, `1m32s`. One decimal below a minute. */
export function took(ms: number): string {
  const tenths = Math.max(0, Math.round(ms / 100));
  return tenths < 600 ? `${Math.floor(tenths / 10)}.${tenths % 10}s` : age(Math.round(ms / 1000) * 1000);
}

/** A wait that was asked for or lies ahead: `250ms`, `1.5s`, `30s`, `5m`, `1h30m`. Exact where short, else to the second. */
export function span(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 10_000 && ms % 1000 !== 0) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.round(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  return parts
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n}${unit}`)
    .join('');
}
