/** Chance from one seed: the same seed and the same questions give the same answers, on every machine. */

export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** By weight; they need not sum to one. */
  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T;
  /** Times between rare things, in the unit of `mean`. */
  exponential(mean: number): number;
  /** Another stream, so that one part that asks more often does not change what another part is told. */
  fork(name: string): Random;
};

export function makeRandom(seed: string): Random {
  const next = sfc32(seed);

  function weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let left = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    return lastOf(choices)[1];
  }

  return {
    next,
    below: (n) => Math.floor(next() * n),
    between: (from, to) => from + next() * (to - from),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] ?? lastOf(items),
    weighted,
    exponential: (mean) => -mean * Math.log(1 - next()),
    fork: (name) => makeRandom(`${seed}/${name}`),
  };
}

function lastOf<T>(items: readonly T[]): T {
  const last = items.at(-1);
  if (last === undefined) throw new RangeError('nothing to choose from');
  return last;
}

/** Chris Doty-Humphrey's small fast counting generator, 128 bits of state made of the seed's characters. */
function sfc32(seed: string): () => number {
  let [a, b, c, d] = [hash(`${seed}a`), hash(`${seed}b`), hash(`${seed}c`), 1];
  const next = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i += 1) next();
  return next;
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
