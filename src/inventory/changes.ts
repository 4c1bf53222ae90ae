/** What differs between two entries, as people read it: `args: --ctx-size 16384 -> 32768 (pools.yaml:14:11)`. Secrets are never shown. */

import type { Change } from '../core/apply.js';
import { shownReference } from '../core/reference.js';
import { formatBytes } from '../text/bytes.js';
import { oneLine } from '../text/one-line.js';
import { isSecretName, redactArgv } from '../text/redact.js';
import { span } from '../text/time.js';

/** `place`: where the new value stands; null where it stands nowhere. */
export function changeText({ key, from, to, unit }: Change, place: string | null): string {
  const what = key.startsWith('env.')
    ? envText(from, to)
    : Array.isArray(from) && Array.isArray(to)
      ? listText(from, to)
      : pair(key, unit, from, to);
  return `${key}: ${oneLine(what)}${place === null ? '' : ` (${place})`}`;
}

function pair(key: string, unit: Change['unit'], from: unknown, to: unknown): string {
  return isSecretName(key) ? 'changed' : `${shown(from, unit)} -> ${shown(to, unit)}`;
}

/** A value in the environment may be anything; that it changed is enough. */
function envText(from: unknown, to: unknown): string {
  return from === null ? 'added' : to === null ? 'removed' : 'changed';
}

function shown(value: unknown, unit: Change['unit']): string {
  if (value === null) return 'none';
  if (typeof value === 'number') return unit === 'ms' ? span(value) : unit === 'bytes' ? formatBytes(value) : String(value);
  if (Array.isArray(value)) return redactArgv(value.map(String)).join(' ');
  return shownReference(String(value));
}

/** What differs in the middle; the flag before a value that differs goes with it. */
function listText(from: readonly unknown[], to: readonly unknown[]): string {
  const [before, after] = [redactArgv(from.map(String)), redactArgv(to.map(String))];
  const shortest = Math.min(before.length, after.length);
  let start = 0;
  while (start < shortest && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shortest - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  // Of `-x 1 -y 2` what was added between two `-x` is the flag with its value, and not a value with the next flag.
  const longer = before.length < after.length ? after : before;
  const isAlone = start + end === shortest;
  while (isAlone && start > 0 && longer[start]?.startsWith('-') !== true && longer[start - 1] === longer.at(-1 - end)) {
    start -= 1;
    end += 1;
  }
  const [was, is] = [before, after].map((list) => list.slice(start, list.length - end).join(' '));
  // Both are hidden: the same in what is shown.
  if (was === '' && is === '') return 'changed';
  const flag = before[start - 1]?.startsWith('-') === true && was !== '' && is !== '' ? `${before[start - 1]} ` : '';
  if (was === '') return `added ${is}`;
  return is === '' ? `removed ${was}` : `${flag}${was} -> ${is}`;
}
