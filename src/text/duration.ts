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

/** Exact, in the fewest units: `90000` -> `1m30s`. What `parseDuration` reads back. Takes whole milliseconds from 0. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const units: readonly (readonly [string, number])[] = [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ];
  let rest = ms;
  return units
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? '' : `${count}${unit}`;
    })
    .join('');
}
