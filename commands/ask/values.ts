/** Values of options, read once at the edge. All throw USAGE with what was wanted and what was given. */

import { PoolctlError } from '../../src/errors.js';
import { parseDuration } from '../../src/text/duration.js';

/** `30s`, `1h30m`, or `0` for now, in milliseconds; undefined stays undefined. */
export function durationOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms !== null) return ms;
  const unit = /^\d+(\.\d+)?$/.test(text) ? `; for seconds write ${text}s` : '';
  throw new PoolctlError(
    'USAGE',
    `cannot use ${flag} "${text}": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m${unit}`,
  );
}

/** A whole number, 0 or more. */
export function countOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new PoolctlError('USAGE', `cannot use ${flag} "${text}": it must be a whole number, 0 or more`);
}

/** One of a few words. */
export function wordOf<Word extends string>(text: string, words: readonly Word[], flag: string): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new PoolctlError('USAGE', `cannot use ${flag} "${text}": it must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}
