/** Signs, bars and rules: in ASCII where the terminal's characters are not UTF-8. */

import type { ReplicaStateName } from '../api/wire.js';
import { displayWidth } from '../text/width.js';
import { type Line, type Span, span } from './line.js';

/** Each state has a word and a sign, so that nothing is said by colour alone. */
export const signs: Readonly<Record<ReplicaStateName, string>> = {
  ready: '+',
  preparing: '~',
  starting: '~',
  stopping: '~',
  draining: 'v',
  backoff: 'z',
  unhealthy: '!',
  broken: '!',
  failed: '!',
  stuck: '!',
  stopped: '.',
};

/** Of what was so when somebody last could say. */
export const staleSign = '?';

/** `█████████░`: how much of `whole` is used; dashes where it is not known. */
export function bar(used: number | null, whole: number | null, columns: number, utf8: boolean): string {
  if (used === null || whole === null || whole <= 0) return '-'.repeat(columns);
  const share = Math.min(1, Math.max(0, used / whole));
  const full = Math.round(share * columns);
  const [on, off] = utf8 ? ['█', '░'] : ['#', '.'];
  return on.repeat(full) + off.repeat(columns - full);
}

const heights = { utf8: '▁▂▃▄▅▆▇█', ascii: '_.-=*#' };

/** The last values, the newest right, from 0 to `most`; a blank where a value is not known. */
export function sparkline(values: readonly (number | null)[], most: number, columns: number, utf8: boolean): string {
  const steps = utf8 ? heights.utf8 : heights.ascii;
  const last = values.slice(-columns);
  const drawn = last.map((value) => {
    if (value === null) return ' ';
    const share = most <= 0 ? 0 : Math.min(1, Math.max(0, value / most));
    return steps[Math.round(share * (steps.length - 1))] ?? ' ';
  });
  return drawn.join('').padStart(columns);
}

/** `── Devices ─────────── 3 ──`, as wide as there is room. */
export function rule(title: string, right: string | Span, columns: number, utf8: boolean): Line {
  const dash = utf8 ? '─' : '-';
  const named = span(title, 'strong');
  const end = typeof right === 'string' ? span(right, 'faint') : right;
  const room = columns - displayWidth(named.text) - 4;
  const behind = end.text === '' ? 0 : displayWidth(end.text) + 4;
  const begin = span(`${dash.repeat(2)} `, 'faint');
  if (behind === 0 || room - behind < 1) return [begin, named, span(room > 0 ? ` ${dash.repeat(room)}` : '', 'faint')];
  return [begin, named, span(` ${dash.repeat(room - behind)} `, 'faint'), end, span(` ${dash.repeat(2)}`, 'faint')];
}

/** Whether the locale's characters are UTF-8; the first variable that is set decides, as in the C library. */
export function isUtf8(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  return /utf-?8/i.test(locale ?? '');
}
