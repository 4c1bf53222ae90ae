/** Lines that cannot be read: what is said of them, with the line that was meant. No supervisor is asked, and nothing runs. */

import { expect, it } from 'vitest';
import type { Cli } from '../../commands/cli.js';
import { runProgram } from '../../commands/program.js';

async function told(...argv: readonly string[]): Promise<{ readonly text: string; readonly exit: number }> {
  const text: string[] = [];
  let exit = 0;
  const cli = {
    ...{ version: '0', env: {}, cwd: '/nowhere', home: '/nowhere', out: { isTTY: false }, err: { isTTY: false } },
    stdout: () => undefined,
    stderr: (piece: string) => void text.push(piece),
    exit: (status: number) => {
      exit = status;
    },
  };
  await runProgram(argv, cli as unknown as Cli);
  return { text: text.join(''), exit };
}

it.each([
  ['drian chat', 'cannot run "drian": there is no such command', 'poolctl drain chat'],
  ['-f pools.yaml dran chat/r0', 'cannot run "dran": there is no such command', 'poolctl -f pools.yaml drain chat/r0'],
  // "up" is a command as well: its being in the line hides no other.
  ['strat up', 'cannot run "strat": there is no such command', 'poolctl start up'],
  ['lease aquire chat', 'cannot run "aquire": there is no such command', 'poolctl lease acquire chat'],
  ['xyzzy', 'cannot run "xyzzy": there is no such command', 'poolctl --help'],
  ['check --nohost', 'cannot use "--nohost": poolctl check has no such option', 'poolctl check --no-host'],
  ['drain chat --dead-line=5s', 'cannot use "--dead-line": poolctl drain has no such option', 'poolctl drain chat --deadline=5s'],
  ['drain chat --jsn', 'cannot use "--jsn": poolctl drain has no such option', 'poolctl drain chat --json'],
  ['drain chat -z', 'cannot use "-z": poolctl drain has no such option', 'poolctl drain --help'],
  ['drain', 'cannot run poolctl drain: it needs a selector', 'poolctl drain --help'],
  ['wait chat', 'cannot run poolctl wait: it needs --for <state>', 'poolctl wait --help'],
  ['drain chat --deadline', 'cannot use "--deadline <duration>": its value is missing', 'poolctl drain --help'],
  ['check a b', 'cannot run poolctl check: it takes 1 argument, not 2', 'poolctl check --help'],
  [
    'lease run --holdr me chat -- curl --token x',
    'cannot use "--holdr": poolctl lease run has no such option',
    'poolctl lease run --holder me chat --',
  ],
  [
    'drain chat --deadline 5',
    'cannot use --deadline "5": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m; for seconds write 5s',
    'poolctl drain --help',
  ],
])('%s', async (line, message, hint) => {
  expect(await told(...line.split(' '))).toEqual({ text: `error: ${message}  [USAGE]\n  try:  ${hint}\n`, exit: 2 });
});
