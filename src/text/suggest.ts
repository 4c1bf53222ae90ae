/** Did you mean …? */

/** The candidate that was most likely meant, or null where none is near. Letter case, `-` and `_` do not count as differences. */
export function suggest(given: string, candidates: readonly string[]): string | null {
  if (given.length === 0 || given.length > 64) return null;
  const wanted = plain(given);
  const allowed = given.length <= 3 ? 1 : given.length <= 6 ? 2 : 3;
  let best: { readonly candidate: string; readonly steps: number } | null = null;
  for (const candidate of candidates) {
    const other = plain(candidate);
    if (Math.abs(other.length - wanted.length) > allowed) continue;
    const steps = distance(wanted, other);
    if (steps <= allowed && steps < Math.max(wanted.length, other.length) && steps < (best?.steps ?? Number.POSITIVE_INFINITY)) {
      best = { candidate, steps };
    }
  }
  return best?.candidate ?? null;
}

const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (older[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, swap, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [older, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}
