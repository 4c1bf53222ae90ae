/** A failure as people and programs read it. */

import { describe, expect, it, test } from 'vitest';
import type { Cli } from '../../commands/cli.js';
import { errorText, tellFailure, toldTo } from '../../commands/render/error.js';
import { type ErrorCode, errorCodes, exitStatus, PoolctlError } from '../../src/errors.js';

const full = new PoolctlError('POOL_NOT_FOUND', 'cannot stop "chta": there is no such pool', {
  why: 'the inventory names\nchat only',
  hint: 'poolctl stop chat        (pools: chat)',
  extra: { pool_id: 'chta' },
});

function told(
  error: unknown,
  { json = false, verbose = false },
): { readonly out: string; readonly err: string; readonly exit: number } {
  const [out, err, exit]: [string[], string[], number[]] = [[], [], []];
  const cli = {
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void err.push(text),
    exit: (status: number) => void exit.push(status),
  };
  tellFailure(error, { json, verbose }, cli as unknown as Cli);
  return { out: out.join(''), err: err.join(''), exit: exit.at(-1) ?? -1 };
}

describe('an expected failure', () => {
  it('is a line with its code, the cause, and what to type, on stderr', () => {
    expect(told(full, {})).toEqual({
      out: '',
      err: 'error: cannot stop "chta": there is no such pool  [POOL_NOT_FOUND]\n  why:  the inventory names chat only\n  try:  poolctl stop chat        (pools: chat)\n',
      exit: 8,
    });
    expect(errorText(new PoolctlError('USAGE', 'cannot do it'), true)).toBe('error: cannot do it  [USAGE]\n');
  });

  it('is a document on stdout too where JSON is wanted', () => {
    const { out, err } = told(full, { json: true });
    expect(out.endsWith('\n')).toBe(true);
    expect(JSON.parse(out)).toEqual({
      error: {
        code: 'POOL_NOT_FOUND',
        message: full.message,
        why: 'the inventory names\nchat only',
        hint: 'poolctl stop chat        (pools: chat)',
        pool_id: 'chta',
      },
    });
    expect(err).toMatch(/^error: /);
  });

  it('cannot steer the terminal by what it names', () => {
    expect(
      errorText(new PoolctlError('USAGE', 'cannot use "\u001b[2J\r\nx"', { why: '\u0007', hint: 'a\u001b[31mb' }), false),
    ).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test.each(Object.entries(errorCodes))('%s has an exit status and an HTTP status', (code, { exit, http, retriable }) => {
    expect(exitStatus(new PoolctlError(code as ErrorCode, 'x'))).toBe(exit);
    expect(exitStatus(new PoolctlError(code as ErrorCode, 'x', { exit: 3 }))).toBe(3);
    expect(exit).toBeGreaterThan(0);
    expect(http).toBeGreaterThanOrEqual(400);
    expect(retriable && http !== 409 && http !== 503 && http !== 429).toBe(false);
  });
});

describe('a bug', () => {
  it('says that it is one, and shows where only when more is wanted', () => {
    const bug = new TypeError('x is not a function');
    expect(told(bug, { json: true })).toMatchObject({ exit: 70, out: expect.stringContaining('"code":"INTERNAL"') });
    expect(errorText(bug, false)).toBe(
      'error: this is a bug in poolctl: x is not a function  [INTERNAL]\n  try:  the same command with -v shows where; please report it\n',
    );
    expect(errorText(bug, true)).toContain('error.test.ts');
    expect(told('thrown', {})).toMatchObject({ exit: 70, err: expect.stringContaining('thrown') });
  });
});

it('is told as the line asks for, whatever a command behind two dashes is asked for', () => {
  expect(toldTo(['status', '--json', '-v'])).toEqual({ json: true, verbose: true });
  expect(toldTo(['lease', 'run', 'chat', '--', 'curl', '--json', '-v'])).toEqual({ json: false, verbose: false });
  expect(toldTo(['--json', 'lease', 'run', 'chat', '--', 'curl'])).toEqual({ json: true, verbose: false });
});
