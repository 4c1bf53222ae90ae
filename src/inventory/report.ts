/** Problems as people and programs read them. */

import { pointAt } from '../text/caret.js';
import type { Problem } from './problem.js';

/** `ending` goes on after the file's name: "Nothing was started." from `up`; nothing from `check`. */
export function renderProblems(problems: readonly Problem[], file: string, ending: string | null): string {
  if (problems.length === 0) return '';
  const count = (severity: Problem['severity']): string[] => {
    const n = problems.filter((problem) => problem.severity === severity).length;
    return n === 0 ? [] : [`${n} ${severity}${n === 1 ? '' : 's'}`];
  };
  const summary = `${[...count('error'), ...count('warning')].join(', ')} in ${file}${ending === null ? '' : `. ${ending}`}`;
  return `${[...problems.map(renderProblem), summary].join('\n')}\n`;
}

function renderProblem({ file, line, column, severity, code, message, hint, excerpt }: Problem): string {
  const place = line === null ? file : `${file}:${line}:${column}`;
  const head = `${place}: ${severity}: ${message}  [${code}]`;
  if (excerpt === null) return hint === null ? head : `${head}\n  try:  ${hint}`;
  return `${head}\n${pointAt(excerpt, hint)}`;
}

/** `check --json`. */
export function problemsDocument(problems: readonly Problem[]): object {
  return {
    ok: !problems.some(({ severity }) => severity === 'error'),
    problems: problems.map(({ excerpt: _, ...problem }) => problem),
  };
}
