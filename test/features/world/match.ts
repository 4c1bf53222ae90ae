/**
 * What a scenario says of a value, held against the value: `null`, `3`, `"text"` and other JSON as they stand; `/…/` a pattern; `a number`,
 * `a text`, `a time`, `a UUID` and the like kinds of values; anything else is the text itself.
 */

import { deepStrictEqual, ok } from 'node:assert/strict';

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  anything: (value) => value !== undefined,
  nothing: (value) => value === undefined,
  'a number': (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  'a positive number': (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
  'a whole number': (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  'a pid': (value) => Number.isSafeInteger(value) && (value as number) > 1,
  'a text': (value) => typeof value === 'string' && value !== '',
  'a time': (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$/.test(value),
  'a time of today': (value) => typeof value === 'number' && Math.abs(Date.now() - value) < 86_400_000,
  'a UUID': (value) =>
    typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value),
};

/** One cell of a table. Throws an AssertionError that names `where`. */
export function expectCell(value: unknown, expected: string, where: string): void {
  expectShape(value, literal(expected), where);
}

/** A whole value: objects and lists as they stand, with every field and no other; texts as cells. */
export function expectShape(value: unknown, expected: unknown, where: string): void {
  if (typeof expected === 'string') {
    expectText(value, expected, where);
    return;
  }
  if (typeof expected !== 'object' || expected === null || typeof value !== 'object' || value === null) {
    deepStrictEqual(value, expected, `${where} is ${shown(value)}, not ${shown(expected)}`);
    return;
  }
  deepStrictEqual(
    Object.keys(value).sort(),
    Object.keys(expected).sort(),
    `${where} has the fields ${shown(Object.keys(value))}`,
  );
  for (const [key, part] of Object.entries(expected)) {
    expectShape((value as Record<string, unknown>)[key], part, where === '' ? key : `${where}.${key}`);
  }
}

/** `replicas[0].last_exit.code` of a value; undefined where the way ends before. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const step of path.split(/[.[\]]+/).filter((part) => part !== '')) {
    here = typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[step] : undefined;
  }
  return here;
}

function expectText(value: unknown, expected: string, where: string): void {
  const pattern = /^\/(.*)\/$/s.exec(expected)?.[1];
  const kind = Object.hasOwn(kinds, expected) ? kinds[expected] : undefined;
  const fits =
    pattern !== undefined
      ? typeof value === 'string' && new RegExp(pattern).test(value)
      : kind !== undefined
        ? kind(value)
        : value === expected;
  ok(fits, `${where} is ${shown(value)}, not ${pattern === undefined && kind === undefined ? shown(expected) : expected}`);
}

function literal(cell: string): unknown {
  try {
    return JSON.parse(cell) as unknown;
  } catch {
    return cell;
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
