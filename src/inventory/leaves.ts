/**
 * The kinds of values that an inventory is made of. Each carries, as its error, the phrase that goes on after "must be": issues.ts
 * makes the sentence, and tells a wrong type from a wrong value.
 */

import * as z from 'zod/mini';
import { bytesPattern, parseBytes } from '../text/bytes.js';
import { durationPattern } from '../text/duration.js';

/** No NUL: it cannot stand in argv, in an environment or in a path. */
const noNul = /^[^\0]*$/;

export const text = (wanted: string) =>
  z.string({ error: wanted }).check(z.regex(noNul, { error: wanted }), z.minLength(1, { error: wanted }));

export const textOf = (pattern: RegExp, wanted: string) => z.string({ error: wanted }).check(z.regex(pattern, { error: wanted }));

/** May be empty, as an argument or an environment's value may. */
export const anyText = z
  .string({ error: 'a text (numbers in quotes)' })
  .check(z.regex(noNul, { error: 'a text without NUL characters' }));

export const flag = z.boolean({ error: 'true or false' });

export const count = (least = 1) => wholeNumber(least, 1_000_000_000, `a whole number from ${least}`);

export const wholeNumber = (least: number, most: number, error: string) =>
  z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error }));

export const numberFrom = (least: number, most?: number) => {
  const error = most === undefined ? `a number from ${least}` : `a number from ${least} to ${most}`;
  return z.number({ error }).check(z.minimum(least, { error }), z.maximum(most ?? 1_000_000, { error }));
};

export const duration = textOf(durationPattern, 'a duration with its unit, such as 30s');

/** For what would spin, or could never be met, at zero. */
export const someTime = (() => {
  const error = 'a duration above zero with its unit, such as 30s';
  return textOf(aboveZero(durationPattern), error);
})();

/** As a pattern, so that the JSON Schema says it too. */
function aboveZero(pattern: RegExp): RegExp {
  return new RegExp(pattern.source.replace('^', '^(?=.*[1-9])'));
}

export const size = (() => {
  const error = 'a size with its unit, such as 9GiB';
  return textOf(bytesPattern, error).check(z.refine((given) => parseBytes(given) !== null, { error }));
})();

export const someSize = (() => {
  const error = 'a size above zero with its unit, such as 20MiB';
  return textOf(aboveZero(bytesPattern), error).check(z.refine((given) => parseBytes(given) !== 0, { error }));
})();

export function oneOf<const W extends readonly [string, ...string[]]>(...words: W) {
  const error = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return z.enum(words, { error });
}

/** One of a few words, or a value of another kind. */
export function wordOr<const W extends readonly [string, ...string[]], S extends z.ZodMiniType>(
  words: W,
  other: S,
  wanted: string,
) {
  return z.union([z.enum(words, { error: wanted }), other], { error: wanted });
}

/** A key with its default. What is left out is filled in after inheritance, from here: see `builtIns` in schema.ts. */
export function key<S extends z.ZodMiniType>(schema: S, byDefault: z.input<S>, description: string) {
  return about(z.optional(schema), { default: byDefault, description });
}

/** A map of known keys. */
export function group<S extends z.core.$ZodLooseShape>(shape: S, description: string) {
  return about(z.optional(z.strictObject(shape, { error: 'a map' })), { description });
}

type About = { readonly description: string; readonly default?: unknown; readonly maxProperties?: number };

/** With what the JSON Schema, and who asks with `whatIs`, are to know of it. */
export function about<S extends z.ZodMiniType>(schema: S, what: About): S {
  z.globalRegistry.add(schema, what);
  return schema;
}

export const whatIs = (schema: z.ZodMiniType): Partial<About> => (z.globalRegistry.get(schema) ?? {}) as Partial<About>;
