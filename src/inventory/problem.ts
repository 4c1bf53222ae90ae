/** What is wrong in an inventory, and where. */

import type { Excerpt } from '../text/caret.js';
import { excerptOf, positionOf, type Range, type Source } from './source.js';

export type ProblemCode =
  | 'YAML_SYNTAX'
  | 'UNKNOWN_KEY'
  | 'MISSING_KEY'
  | 'WRONG_TYPE'
  | 'INVALID_VALUE'
  | 'UNKNOWN_PLACEHOLDER'
  | 'UNKNOWN_DEVICE'
  | 'NO_DEVICES'
  | 'DEVICE_CONFLICT'
  | 'PORT_CONFLICT'
  | 'SPLIT_MISMATCH'
  | 'MASK_VARIABLE'
  | 'DUPLICATE_KEY'
  | 'FILE_NOT_FOUND'
  /** A warning: the key is read, and changes nothing, not yet or not for this engine. */
  | 'NO_EFFECT';

/** An error keeps the inventory from being used, a warning does not. */
export type Severity = 'error' | 'warning';

export type Problem = {
  /** As the user named it. */
  readonly file: string;
  /** From 1; null when the file itself is the problem. */
  readonly line: number | null;
  readonly column: number | null;
  readonly severity: Severity;
  readonly code: ProblemCode;
  readonly message: string;
  /** Further lines are what to write into the file. */
  readonly hint: string | null;
  /** The place in the file, secrets covered; null without a position. */
  readonly excerpt: Excerpt | null;
};

/** A problem before it is known where its place stands in the text. */
export type Complaint = {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string | null;
  readonly severity?: Severity;
};

export function problemAt(source: Source, range: Range, { code, message, hint = null, severity = 'error' }: Complaint): Problem {
  return {
    file: source.file,
    ...positionOf(source, range.start),
    severity,
    code,
    message,
    hint,
    excerpt: excerptOf(source, range),
  };
}

export function problemOfFile(file: string, message: string, hint: string | null): Problem {
  return { file, line: null, column: null, severity: 'error', code: 'FILE_NOT_FOUND', message, hint, excerpt: null };
}

export function emptyFile(file: string): Problem {
  return problemOfFile(file, 'cannot read the inventory: it is empty', 'the least is "version: 1" and "pools: {}"');
}

/** By position, each once: an inherited value is judged once for every pool that inherits it. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>();
  return [...problems]
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    .filter(({ line, column, code, message }) => {
      const id = `${line}:${column}:${code}:${message}`;
      const isNew = !seen.has(id);
      seen.add(id);
      return isNew;
    });
}

/** Quoted for a message, and short. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
}
