/** The list of replicas: which columns there is room for, and what stands in them. WHY takes what is left, and is cut first. */

import type { DeviceView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { leasesText, maskText, type Place, placeName, shown, tones } from '../text/places.js';
import { cut } from '../text/table.js';
import { age, clockTime } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { cutLine, type Line, type Span, span } from './line.js';
import { signs, sparkline, staleSign } from './marks.js';
import type { History } from './model.js';

export type ReplicaBlock = {
  readonly places: readonly Place[];
  readonly devices: readonly DeviceView[];
  /** Of the whole terminal: what is worth a column is decided by it. */
  readonly terminal: number;
  /** Of this list. */
  readonly columns: number;
  readonly selected: string | null;
  readonly stale: boolean;
  /** How long ago the view was had, in milliseconds. */
  readonly agedMs: number;
  readonly history: History;
  readonly utf8: boolean;
};

type Column = {
  readonly head: string;
  readonly align: 'left' | 'right';
  readonly least: number;
  readonly from: (place: Place, block: ReplicaBlock) => Span;
};

const column = (head: string, align: Column['align'], least: number, from: Column['from']): Column => ({
  head,
  align,
  least,
  from,
});

const columns = {
  replica: column('REPLICA', 'left', 8, (place) => span(oneLine(placeName(place)))),
  state: column('STATE', 'left', 11, ({ replica: { state } }, { stale }) =>
    stale ? span(`${staleSign} ${state}?`, 'faint') : span(`${signs[state]} ${state}`, tones[state]),
  ),
  mask: column('MASK', 'left', 4, ({ replica }, { devices }) => span(oneLine(maskText(replica.device_mask, devices)) || '-')),
  port: column('PORT', 'right', 5, ({ replica }) => span(shown(replica.port))),
  leases: column('LEASES', 'right', 6, ({ replica }) => span(leasesText(replica))),
  run: column('RUN', 'right', 3, ({ replica }) => span(shown(replica.inflight))),
  trend: column('RUNNING', 'left', 10, (place, { history, utf8 }) => {
    const values = history[placeName(place)] ?? [];
    return span(sparkline(values, Math.max(1, ...values.map((value) => value ?? 0)), 10, utf8));
  }),
  tokens: column('TOK/S', 'right', 5, ({ replica: { perf } }) => span(rounded(perf?.tokens_per_s ?? null))),
  first: column('FIRST', 'right', 6, ({ replica: { perf } }) =>
    span(perf?.first_token_ms == null ? '-' : `${Math.round(perf.first_token_ms)}ms`),
  ),
  up: column('UP', 'right', 5, ({ replica: { uptime_seconds } }, { stale, agedMs }) =>
    span(stale || uptime_seconds === null ? '-' : age(uptime_seconds * 1000 + agedMs)),
  ),
  restarts: column('RST', 'right', 3, ({ replica }) => span(String(replica.restart_count))),
} as const;

type Name = keyof typeof columns;

/** From the left to the right; WHY comes behind them. */
const order: readonly Name[] = [
  'replica',
  'state',
  'mask',
  'port',
  'leases',
  'run',
  'trend',
  'tokens',
  'first',
  'up',
  'restarts',
];
/** What goes first where there is no room. */
const dispensable: readonly Name[] = ['trend', 'first', 'tokens', 'port', 'restarts', 'up', 'run', 'leases', 'mask'];
/** From how many columns of a terminal on they are worth having. */
const worthFrom: Partial<Record<Name, number>> = { port: 100, tokens: 100, first: 140, trend: 140 };

const whyHead = 'WHY, AND WHAT NEXT';
const leastWhy = 16;
const namesBelow = 60;
const gap = 2;
const margin = 2;

/** Which columns are shown, with their widths, and how many are left for WHY. */
export function replicaColumns(block: ReplicaBlock): {
  readonly shown: readonly { readonly name: Name; readonly width: number }[];
  readonly why: number;
} {
  const names: readonly Name[] =
    block.terminal < namesBelow ? ['replica', 'state'] : order.filter((name) => (worthFrom[name] ?? 0) <= block.terminal);
  let kept = names.map((name) => ({ name, width: widthOf(name, block) }));
  const room = (): number => block.columns - margin - kept.reduce((sum, { width }) => sum + width + gap, 0);
  for (const name of dispensable) {
    if (room() >= leastWhy) break;
    kept = kept.filter((each) => each.name !== name);
  }
  return { shown: kept, why: Math.max(0, room()) };
}

function widthOf(name: Name, block: ReplicaBlock): number {
  const { least, head, from } = columns[name];
  const widest = Math.max(least, head.length, ...block.places.map((place) => displayWidth(from(place, block).text)));
  const most = name === 'replica' ? Math.max(least, Math.floor(block.columns * 0.35)) : name === 'mask' ? 12 : widest;
  return Math.min(widest, most);
}

/** The head, and a line for each of `shownPlaces`, which are some of the block's. */
export function replicaLines(block: ReplicaBlock, shownPlaces: readonly Place[]): readonly Line[] {
  const { shown: kept, why } = replicaColumns(block);
  const head = kept.map(({ name, width }) => aligned(columns[name].head, columns[name].align, width)).join(' '.repeat(gap));
  const lines = shownPlaces.map((place) => {
    const chosen = placeName(place) === block.selected;
    const cells = kept.flatMap(({ name, width }): readonly Span[] => {
      const { text, tone } = columns[name].from(place, block);
      const cell = aligned(name === 'replica' ? cutName(text, width) : cut(text, width), columns[name].align, width);
      return [span(cell, chosen && name === 'replica' ? 'strong' : tone), span(' '.repeat(gap))];
    });
    const line = [span(chosen ? '> ' : '  ', 'strong'), ...cells, span(whyText(place, why))];
    return cutLine(block.stale ? line.map(({ text }) => span(text, 'faint')) : line, block.columns);
  });
  return [cutLine([span(`  ${head}${' '.repeat(gap)}${cut(whyHead, why)}`, 'faint')], block.columns), ...lines];
}

/** `a-long-na.../r12`: which replica it is tells more than the end of its pool's name. */
function cutName(name: string, room: number): string {
  if (displayWidth(name) <= room) return name;
  const id = name.slice(name.lastIndexOf('/'));
  const left = room - displayWidth(id);
  return left < 4 ? cut(name, room) : `${cut(name.slice(0, -id.length), left)}${id}`;
}

function aligned(text: string, align: Column['align'], width: number): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Why, and what next. Where there is no room for both, what next comes first: the reason stands in the details. */
export function whyText(place: Place, room: number): string {
  const why = oneLine(place.replica.why ?? '');
  if (why === '') return cut('-', room);
  if (displayWidth(why) <= room) return why;
  const { state, breaker, last_exit: exit } = place.replica;
  if (state === 'broken') {
    const at = [breaker.retry_at, breaker.cuda.retry_at].flatMap((each) => (each === null ? [] : [Date.parse(each)]));
    const failures = Math.max(breaker.failures, breaker.cuda.failures);
    const what = exit === null || exit.class === 'unknown' ? `${failures} failures` : `${exit.class} ${failures}x`;
    if (at.length > 0) return cut(`${what}, tries ${clockTime(Math.max(...at)).slice(0, 5)}`, room);
  }
  const [reason, next] = splitLast(why);
  return cut(next === null || !/^(?:try|restarted|one) /.test(next) ? why : `${next}: ${reason}`, room);
}

function splitLast(why: string): readonly [string, string | null] {
  const at = why.lastIndexOf('; ');
  return at === -1 ? [why, null] : [why.slice(0, at), why.slice(at + 2)];
}

function rounded(value: number | null): string {
  if (value === null) return '-';
  return value < 100 ? value.toFixed(1) : String(Math.round(value));
}
