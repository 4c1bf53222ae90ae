import type { Instant } from './model.js';

/** The same with every moment moved by `byMs`: waits go on where they were, whatever the monotonic clock of the new boot says. */
export function moved<T>(value: T, byMs: number): T {
  if (typeof value !== 'object' || value === null) return value;
  if (isMoment(value)) return { ...value, at: value.at + byMs };
  if (Array.isArray(value)) return value.map((each) => moved(each, byMs)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, moved(each, byMs)])) as T;
}

function isMoment(value: object): value is { readonly at: Instant; readonly wallMs: number } {
  return 'at' in value && 'wallMs' in value && typeof value.at === 'number' && typeof value.wallMs === 'number';
}
