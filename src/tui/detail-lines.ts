/** One replica in full: why it is where it is, what comes next, what it did lately, and what was executed. */

import type { EventLine, LeaseView, StatusView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { type Place, placeName, shown } from '../text/places.js';
import { countsText, engineText, exitText, modelText, nextOf, overrideText } from '../text/replica-facts.js';
import { shellWords } from '../text/shell-words.js';
import { clockTime, span as duration } from '../text/time.js';
import { cutLine, folded, type Line, span } from './line.js';
import { sparkline } from './marks.js';
import type { CommandLine } from './model.js';

export type Facts = {
  readonly place: Place;
  readonly view: StatusView;
  readonly leases: readonly LeaseView[];
  readonly home: string;
  readonly now: number;
  /** Running requests of late, the newest last. */
  readonly running: readonly (number | null)[];
  readonly utf8: boolean;
};

const keyWidth = 12;

/** `  why         5 failures in a row`; what there is nothing to say of has no line, what is long has up to `most`. */
export function factLines(
  { place, view, leases, home, now, running, utf8 }: Facts,
  columns: number,
  most: number,
): readonly Line[] {
  const { pool, replica } = place;
  const restarts = pool.storm.restarts_in_window;
  const { last_exit: exit, perf } = replica;
  const facts: readonly (readonly [string, string | null])[] = [
    ['why', replica.why],
    ['next', nextOf(place)],
    ['error', replica.last_error === null || replica.why?.startsWith(replica.last_error) ? null : replica.last_error],
    ['hint', exit?.hint ?? null],
    ['last exit', exit === null ? 'none' : exitText(exit)],
    ['evidence', exit?.evidence == null ? null : `line ${exit.evidence.line}: ${exit.evidence.text}`],
    ['model', modelText(place, home)],
    ['reloaded', overrideText(place, view, home)],
    ['engine', engineText(place, view)],
    ['leases', `${holdersText(place, leases, now)}; slots ${shown(replica.slots_total)}; running ${shown(replica.inflight)}`],
    ['running', runningText(running, utf8)],
    ['speed', perf === null || perf.tokens_per_s === null ? null : speedText(perf)],
    ['counts', `${countsText(place)}${restarts === 0 ? '' : `; ${restarts} restarts of the pool in its storm window`}`],
  ];
  return facts.flatMap(([key, value]) => (value === null || value === '' ? [] : factOf(key, oneLine(value), columns, most)));
}

function factOf(key: string, value: string, columns: number, most: number): readonly Line[] {
  const pieces = folded(value, columns - keyWidth - 2);
  // What has no line of its own stands behind the last one, and is cut there.
  const kept = [...pieces.slice(0, most - 1), pieces.slice(most - 1).join(' ')].filter((piece) => piece !== '');
  return kept.map((piece, index) =>
    cutLine([span(`  ${(index === 0 ? key : '').padEnd(keyWidth)}`, 'faint'), span(piece)], columns),
  );
}

/** `▁▃▅▂  2 now, at most 4`; null before there is a course to see. */
function runningText(values: readonly (number | null)[], utf8: boolean): string | null {
  const known = values.filter((value) => value !== null);
  const most = Math.max(0, ...known);
  if (known.length < 2 || most === 0) return null;
  return `${sparkline(values, most, Math.min(24, values.length), utf8)}  ${shown(values.at(-1) ?? null)} now, at most ${most}`;
}

function speedText({ tokens_per_s, first_token_ms }: { tokens_per_s: number | null; first_token_ms: number | null }): string {
  const first = first_token_ms === null ? '' : `, first token after ${duration(Math.round(first_token_ms))}`;
  return `${(tokens_per_s ?? 0).toFixed(1)} tokens/s${first}`;
}

/** `2 (nightly-batch, expires in 34s; me)`. */
function holdersText({ pool, replica }: Place, leases: readonly LeaseView[], now: number): string {
  if (replica.active_leases === 0) return 'none';
  const own = leases
    .filter(({ pool_id, replica_id }) => pool_id === pool.pool_id && replica_id === replica.replica_id)
    .map(({ holder, expires_at }) => `${holder ?? 'no name'}, expires in ${leftText(expires_at, now)}`);
  return own.length === 0 ? String(replica.active_leases) : `${replica.active_leases} (${own.join('; ')})`;
}

/** To the second, never less than one. */
export function leftText(until: string, now: number): string {
  return duration(Math.max(1_000, Math.ceil((Date.parse(until) - now) / 1_000) * 1_000));
}

/** The last changes of this replica, newest first: `  14:01:28  preparing -> starting  pid 5120`. */
export function timelineLines(place: Place, events: readonly EventLine[], most: number, columns: number): readonly Line[] {
  const own = events.filter(
    ({ pool_id, replica_id }) => pool_id === place.pool.pool_id && replica_id === place.replica.replica_id,
  );
  const name = `${placeName(place)} `;
  const changes = own.flatMap(({ time, human, level, from, to }): readonly Line[] => {
    if (typeof from !== 'string' || typeof to !== 'string' || from === to) return [];
    const said = oneLine(human);
    const states = `${from.padEnd(9)} -> ${to}`;
    const tone = level === 'error' || level === 'critical' ? 'bad' : level === 'warn' ? 'busy' : 'plain';
    const reason = said.startsWith(name) ? said.slice(name.length) : said;
    return [
      cutLine(
        [
          span(`  ${clockTime(Date.parse(time))}  `, 'faint'),
          span(`${states.padEnd(22)}  `),
          span(withoutState(reason, to), tone),
        ],
        columns,
      ),
    ];
  });
  return most <= 0 ? [] : changes.slice(-most).reverse();
}

/** `broken: vram_oom` says its state once more. */
function withoutState(said: string, to: string): string {
  return said.startsWith(`${to}: `) ? said.slice(to.length + 2) : said === to ? '' : said;
}

/** At most `most` lines: the mask's variables are the last of them. */
export function commandLines({ argv, env }: CommandLine, most: number, columns: number): readonly Line[] {
  const variables = env.length === 0 ? [] : [cutLine([span(`  ${oneLine(env.join('  '))}`, 'faint')], columns)];
  const room = Math.max(1, most - variables.length);
  const words = folded(oneLine(shellWords(argv)), columns - 2);
  const kept = words.slice(0, room).map((text, index) => {
    const more = index === room - 1 && words.length > room;
    return cutLine([span(`  ${more ? `${text} ...` : text}`)], columns);
  });
  return [...kept, ...variables].slice(0, Math.max(0, most));
}
