/** Reading what engines answer: JSON and Prometheus text, of which nothing is believed before it is looked at. */

/** The JSON value at `path`; undefined where the body is no JSON or the path leads nowhere. */
export function jsonAt(body: string, ...path: readonly (string | number)[]): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  return value;
}

/** A text that is not empty, at most 200 characters and without control characters, since it is shown; else null. */
export function textAt(body: string, ...path: readonly (string | number)[]): string | null {
  const value = jsonAt(body, ...path);
  return typeof value === 'string' && value !== '' && value.length <= 200 && !/[\u0000-\u001f\u007f]/.test(value) ? value : null;
}

/** A whole number of at least one; else null. */
export function countAt(body: string, ...path: readonly (string | number)[]): number | null {
  const value = jsonAt(body, ...path);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : null;
}

/** The sum of the named series over all their labels; null where one of them is missing, since unknown is not 0. */
export function sumOfSeries(body: string, ...names: readonly string[]): number | null {
  const sums = new Map<string, number>();
  for (const line of body.split('\n')) {
    const sample = /^([A-Za-z_:][\w:]*)(?:\{.*\})?[ \t]+(\S+)/.exec(line);
    const value = Number(sample?.[2]);
    const name = sample?.[1];
    if (name !== undefined && names.includes(name) && Number.isFinite(value)) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return names.every((name) => sums.has(name)) ? [...sums.values()].reduce((sum, value) => sum + value, 0) : null;
}

/** `found` as the answer of a question that describes an engine; null when it tells nothing. */
export function unlessEmpty<T extends object>(found: T): T | null {
  return Object.values(found).every((value) => value === null) ? null : found;
}
