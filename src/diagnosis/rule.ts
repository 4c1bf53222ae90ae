/** One rule of the diagnosis, and how its phrases are read. */

import type { CrashClass } from '../core/crash.js';

/**
 * How much a line says. cause: why it died. symptom: that it died, or of what kind the error is; any cause goes before it, earlier or later.
 * wrapper: that something failed whose cause stands elsewhere. notice: what an engine may live with.
 */
export const weights = ['cause', 'symptom', 'wrapper', 'notice'] as const;
export type Weight = (typeof weights)[number];

export type Rule = {
  readonly class: Exclude<CrashClass, 'graceful'>;
  readonly subclass: string;
  readonly weight: Weight;
  readonly restartable: boolean;
  /** The text itself proves it. Of `config`: that the same launch would fail again. */
  readonly sure: boolean;
  readonly cure: 'reset' | 'reboot' | null;
  /** A sentence without its full stop, which " while it loaded" may follow. */
  readonly says: string;
  /**
   * What a line must contain, one of them. Any case, any white space; `*` is anything, `#` a number, `^` the line's start behind its prefixes,
   * `$` its end. The longest part without `*` and `#` is looked for first, in all lines.
   */
  readonly phrases: readonly string[];
  /** A line that this rule is for, as engines write it: its unit test. */
  readonly example: string;
};

export type Draft = Pick<Rule, 'subclass' | 'says' | 'phrases' | 'example'> &
  Partial<Pick<Rule, 'weight' | 'restartable' | 'sure' | 'cure'>>;

/** Rules of one class, with what is usual in it filled in: a wish about `config` is never sure by itself. */
export function rulesOf(kind: Rule['class'], drafts: readonly Draft[]): readonly Rule[] {
  return drafts.map((draft) => {
    const weight = draft.weight ?? 'cause';
    const usual = { restartable: mayPass.has(kind), sure: kind !== 'config' && weight === 'cause', cure: null };
    return { ...usual, ...draft, class: kind, weight };
  });
}

const mayPass: ReadonlySet<CrashClass> = new Set(['gpu_error', 'hang', 'unknown']);

/** The phrase as a pattern for a line behind its prefixes. */
export function patternOf(phrase: string): RegExp {
  const [, start = '', text = '', end = ''] = /^(\^?)(.*?)(\$?)$/.exec(phrase) ?? [];
  const source = text
    .replace(/[.+?()[\]{}|\\/^$]/g, '\\$&')
    .replaceAll('*', '.{0,300}?')
    .replaceAll('#', '\\d+')
    .replaceAll(' ', '\\s+');
  const edge = start === '' ? (/^[a-z0-9]/i.test(text) ? '(?<![A-Za-z0-9_])' : '') : '^';
  return new RegExp(`${edge}${source}${end === '' ? '' : '\\s*$'}`, 'i');
}

/**
 * The beginning of the phrase's longest fixed part, in lower case: no line fits that does not contain it. Longer words would find little less, and
 * take more memory to look for.
 */
export function wordOf(phrase: string): string {
  const parts = phrase.replace(/^\^|\$$/g, '').split(/[*#]+/);
  return parts
    .reduce((longest, part) => (part.trim().length > longest.length ? part.trim() : longest), '')
    .slice(0, longestWord)
    .trimEnd()
    .toLowerCase();
}

const longestWord = 14;
