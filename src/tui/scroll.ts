/** Moving through the log: it grows at its end, so a place in it is the number of its last shown line. */

import { bodyRows } from './layout.js';
import { candidates, matches } from './log-lines.js';
import { type Model, seen } from './model.js';

/** By so many lines; `stay`: where it is; `end`: follow. Whoever comes to the end follows. */
export function moveLog(model: Model, by: number | 'stay' | 'end'): Model {
  const { log } = seen(model).data;
  if (by === 'end' || by === Number.POSITIVE_INFINITY) return { ...model, logEnd: null, found: null };
  const lines = candidates({ log, filter: model.filter.log, found: model.found });
  const last = lines.at(-1);
  if (last === undefined) return model;
  const { logEnd } = model;
  const at = logEnd === null ? lines.length - 1 : lines.findLastIndex(({ number }) => number <= logEnd);
  if (by === 'stay') return { ...model, logEnd: lines[at]?.number ?? last.number };
  const rows = bodyRows(model.size) - 1;
  const next = Math.max(Math.min(rows, lines.length) - 1, Math.min(lines.length - 1, at + by));
  return { ...model, logEnd: next >= lines.length - 1 ? null : (lines[next]?.number ?? null) };
}

/** To the next line (1) or the last one (-1) that has the filter's words, among all lines; from the other end when there is none. */
export function findIn(model: Model, direction: 1 | -1): Model {
  const { log } = seen(model).data;
  const filter = model.filter.log;
  if (filter === '') return model;
  const finds = log.lines.flatMap((text, index) => (matches(text, filter) ? [log.first + index] : []));
  const from = model.found ?? model.logEnd ?? log.first + log.lines.length;
  const next =
    direction === 1
      ? (finds.find((number) => number > from) ?? finds[0])
      : (finds.findLast((number) => number < from) ?? finds.at(-1));
  if (next === undefined) return model;
  const last = log.first + log.lines.length - 1;
  // In the middle, so that what led to it and what came of it are seen.
  return { ...model, found: next, logEnd: Math.min(last, next + Math.floor((bodyRows(model.size) - 1) / 2)) };
}

/** The text of the lines that are there: all, or those that the filter leaves. */
export function shownLog(model: Model): readonly string[] {
  const { log } = seen(model).data;
  return candidates({ log, filter: model.filter.log, found: null }).map(({ text }) => text);
}
