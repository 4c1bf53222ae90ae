/** A failure as people and programs read it, and the exit status that goes with it. */

import { exitStatus, PoolctlError } from '../../src/errors.js';
import { oneLine } from '../../src/text/one-line.js';
import { harmless } from '../../src/text/width.js';
import type { Cli } from '../cli.js';

/** Tells a failure: text on stderr, with `--json` a document on stdout too, and sets the exit status. */
export function tellFailure(
  error: unknown,
  { json, verbose }: { readonly json: boolean; readonly verbose: boolean },
  cli: Cli,
): void {
  if (json) cli.stdout(`${JSON.stringify(errorDocument(error))}\n`);
  cli.stderr(errorText(error, verbose));
  cli.exit(exitStatus(error));
}

/** How failures are told to who typed this, whatever else was wrong with the line. What stands after `--` is somebody else's. */
export function toldTo(line: readonly string[]): { readonly json: boolean; readonly verbose: boolean } {
  const end = line.indexOf('--');
  const argv = end === -1 ? line : line.slice(0, end);
  return { json: argv.includes('--json'), verbose: argv.includes('-v') || argv.includes('--verbose') };
}

/** `error: … [CODE]`, the cause and the next command, each on a line. A bug shows its stack only where more is wanted. */
export function errorText(error: unknown, verbose: boolean): string {
  const { code, message, why, hint } = partsOf(error);
  const lines = [`error: ${oneLine(message)}  [${code}]`];
  if (why !== undefined) lines.push(`  why:  ${oneLine(why)}`);
  if (hint !== undefined) lines.push(`  try:  ${harmless(hint)}`);
  if (verbose && !(error instanceof PoolctlError) && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join('\n')}\n`;
}

/** What `--json` prints for a failure. */
export function errorDocument(error: unknown): { readonly error: Readonly<Record<string, unknown>> } {
  const { code, message, why, hint, extra } = partsOf(error);
  return { error: { code, message, ...(why === undefined ? {} : { why }), ...(hint === undefined ? {} : { hint }), ...extra } };
}

type Parts = {
  readonly code: string;
  readonly message: string;
  readonly why?: string;
  readonly hint?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
};

function partsOf(error: unknown): Parts {
  if (error instanceof PoolctlError) return { code: error.code, message: error.message, ...error.more };
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'INTERNAL',
    message: `this is a bug in poolctl: ${message}`,
    hint: 'the same command with -v shows where; please report it',
  };
}
