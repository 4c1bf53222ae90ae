/** One replica in full: why it is where it is, what comes next, what it did lately, and what was executed. */

import type { EventLine, LeaseView, StatusView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { type Place, placeName, shown } from '../text/places.js';
import { countsText, engineText, exitText, modelText, nextOf, overrideText } from '../text/replica-facts.js';
import { shellWords } from '../text/shell-words.js';
import { clockTime, span as duration } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { cutLine, type Line, span } from './line.js';
import type { CommandLine } from './model.js';

export type Facts = {
  readonly place: Place;
  readonly view: StatusView;
  readonly leases: readonly LeaseView[];
  readonly home: string;
  readonly now: number;
};

const keyWidth = 12;

/** `  why         5 failures in a row`; what there is nothing to say of has no line. */
export function factLines({ place, view, leases, home, now }: Facts, columns: number): readonly Line[] {
  const { pool, replica } = place;
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
    ['speed', perf === null || perf.tokens_per_s === null ? null : speedText(perf)],
    ['counts', `${countsText(place)}, ${pool.storm.restarts_in_window} in the pool's storm window`],
  ];
  return facts.flatMap(([key, value]) =>
    value === null || value === '' ? [] : [cutLine([span(`  ${key.padEnd(keyWidth)}`, 'faint'), span(oneLine(value))], columns)],
  );
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

/** Lines of at most `columns`, between words where there are any. */
function folded(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
