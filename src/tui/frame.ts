/** The whole screen as lines: at most as wide as the terminal, and one fewer than it has rows. A function of the model alone. */

import { oneLine } from '../text/one-line.js';
import { footerLine } from './footer.js';
import { countSpans, headerLine } from './header.js';
import { bodyRows, isTooSmall, least } from './layout.js';
import { blank, cutLine, faded, folded, type Line, span } from './line.js';
import { isStale, type Model, seen } from './model.js';
import { screenLines } from './screens.js';

export function frame(model: Model): readonly Line[] {
  const { size } = model;
  if (isTooSmall(size)) return size.rows < 2 ? [] : [cutLine(tooSmall(model), Math.max(0, size.columns))];
  const body = bodyLines(model);
  const rows = bodyRows(size);
  const padded = Array.from({ length: rows }, (_, row) => body[row] ?? blank);
  return [cutLine(headerLine(model), size.columns), ...padded, footerLine(model)];
}

function bodyLines(model: Model): readonly Line[] {
  const { view } = seen(model).data;
  if (view === null && model.screen !== 'help') return failureLines(model);
  const lines = screenLines(model);
  return isStale(model) && model.screen !== 'help' ? lines.map(faded) : lines;
}

/** `too small: 2 ready, 1 broken (needs 40x8)`. */
function tooSmall(model: Model): Line {
  const { view } = seen(model).data;
  const needs = `(needs ${least.columns}x${least.rows})`;
  const begin = 'too small: ';
  const counts = view === null ? [] : countSpans(view, model.size.columns - begin.length - needs.length);
  const listed = counts.map((each, index) => (each.text.trim() !== '' ? each : span(index === counts.length - 1 ? ' ' : ', ')));
  return [span(begin), ...listed, span(needs)];
}

/** Nothing was ever heard: what is wrong, why, and what to do. */
function failureLines({ link, size, settings }: Model): readonly Line[] {
  if (link.state !== 'lost') return [];
  const { what, why, hint } = link.failure;
  const facts: readonly (readonly [string, string | null])[] = [
    ['what', what],
    ['why', why ?? `nothing listens on ${settings.socket}`],
    ['try', hint],
  ];
  return [
    blank,
    ...facts.flatMap(([key, value]) =>
      folded(oneLine(value ?? ''), size.columns - 8).flatMap((piece, index) =>
        piece === '' ? [] : [cutLine([span(`  ${(index === 0 ? key : '').padEnd(6)}`, 'faint'), span(piece)], size.columns)],
      ),
    ),
  ];
}
