/** How long what is under way will take. */

/** By the last seconds; null until there is something to go by. */
export function speedometer(windowMs = 10_000): (now: number, done: number, total: number | null) => number | null {
  let samples: readonly (readonly [number, number])[] = [];
  return (now, done, total) => {
    const recent = samples.filter(([at]) => now - at <= windowMs);
    samples = [...(recent.length === 0 ? samples.slice(-1) : recent), [now, done]];
    const [[since, before] = [now, done]] = samples;
    if (total === null || now - since < 1_000 || done <= before) return null;
    return ((total - done) * (now - since)) / (done - before);
  };
}
