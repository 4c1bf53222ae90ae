/** Durations as users write them: `250ms`, `30s`, `5m`, `1h30m`. A unit is required; the bigger unit comes first. */

/** Fractions of h, m and s are allowed (`1.5s`); at most nine digits, so that no value leaves the safe integers. */
export const durationPattern =
  /^(?=\d)(?:(\d{1,9}(?:\.\d{1,3})?)h)?(?:(\d{1,9}(?:\.\d{1,3})?)m(?!s))?(?:(\d{1,9}(?:\.\d{1,3})?)s)?(?:(\d{1,9})ms)?$/;

/** Whole milliseconds; null for what is no duration. */
export function parseDuration(text: string): number | null {
  const parts = durationPattern.exec(text);
  if (parts === null) return null;
  const [hours, minutes, seconds, ms] = parts.slice(1).map((part) => Number(part ?? 0));
  return Math.round((hours ?? 0) * 3_600_000 + (minutes ?? 0) * 60_000 + (seconds ?? 0) * 1000 + (ms ?? 0));
}
