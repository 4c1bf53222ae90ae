/** Problems as people read them: position first, so that editors jump; the line; carets. The same text with and without colour. */

import { pointAt } from '../text/caret.js';
import { harmless } from '../text/width.js';
import type { Problem } from './problem.js';

/**
 * Every problem, and at the end a line that counts them. `tail` goes on there after the file's name: "Nothing was started." from `up`;
 * nothing (null) from `check`. Empty without problems.
 */
export function renderProblems(problems: readonly Problem[], file: string, tail: string | null): string {
  if (problems.length === 0) return '';
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = [counted(errors, 'error'), counted(problems.length - errors, 'warning')].filter(
    (text) => !text.startsWith('0 '),
  );
  const summary = `${counts.join(' and ')} in ${harmless(file)}${tail === null ? '' : `. ${tail}`}`;
  return `${[...problems.map(renderProblem), summary].join('\n')}\n`;
}

function renderProblem({ file, line, column, severity, code, message, hint, excerpt }: Problem): string {
  const place = line === null ? file : `${file}:${line}:${column}`;
  const head = harmless(`${place}: ${severity}: ${message}  [${code}]`);
  const note = hint === null ? null : hint.split('\n').map(harmless).join('\n');
  if (excerpt !== null) return `${head}\n${pointAt(excerpt, note)}`;
  return note === null ? head : `${head}\n  try:  ${note}`;
}

/** "1 pool", "3 pools". */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
