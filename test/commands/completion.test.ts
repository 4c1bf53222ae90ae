/** What is proposed in the place of the last word of a line; and that all of it can be typed. */

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type Cli, globalFlags } from '../../commands/cli.js';
import { poolsIn } from '../../commands/complete.js';
import { complete, type Given } from '../../commands/completion/line.js';
import { replaced, wordsFrom } from '../../commands/completion/shells.js';
import { everywhere, type Line, lines } from '../../commands/completion/table.js';
import { commands } from '../../commands/index.js';
import { buildProgram } from '../../commands/program.js';

describe('the table is what commander knows', async () => {
  const program = await buildProgram(Object.keys(commands), { version: '0' } as Cli);
  const pairs = (below: Readonly<Record<string, Line>>, parent: Command, path = ''): [string, Line | undefined, Command][] =>
    parent.commands.flatMap((command) => {
      const name = `${path}${command.name()}`;
      const line = below[command.name()];
      return [[name, line, command] as [string, Line | undefined, Command], ...pairs(line?.below ?? {}, command, `${name} `)];
    });
  const known = pairs(lines, program);

  it('has every command, and no others', () => {
    const named = (below: Readonly<Record<string, Line>>, path = ''): string[] =>
      Object.entries(below).flatMap(([name, line]) => [`${path}${name}`, ...named(line.below ?? {}, `${path}${name} `)]);
    expect(named(lines).sort()).toEqual(known.map(([name]) => name).sort());
  });

  it.each(known)('%s: what it is about, its operands and its options', (_, line, command) => {
    const args = command.registeredArguments;
    const globals = globalFlags.map(({ long }) => long);
    const own = command.options.filter(({ long }) => !globals.includes(long ?? ''));
    expect({
      about: line?.about,
      operands: line?.operands?.length ?? 0,
      repeated: line?.repeated ?? false,
      options: Object.entries(line?.options ?? {})
        .map(([long, { short, value }]) => [long, short, value !== undefined])
        .sort(),
    }).toEqual({
      about: command.description(),
      // The command that is run, and its own words, are two operands here.
      operands: args.length + (command.name() === 'run' ? 1 : 0),
      repeated: args.at(-1)?.variadic ?? false,
      options: own.map(({ long, short, flags }) => [long, short ?? undefined, /[<[]/.test(flags)]).sort(),
    });
  });

  it('has the options that stand everywhere', () => {
    expect(Object.entries(everywhere).map(([long, { short, value }]) => [long, short, value !== undefined])).toEqual([
      ...globalFlags.map(({ long, short, argument }) => [long, short, argument !== undefined]),
      ['--help', '-h', false],
    ]);
  });
});

const asked: Given[] = [];
const live = {
  pools: async (given: Given, replicas: boolean) => {
    asked.push(given);
    return replicas ? ['chat', 'chat/r0', 'chat/r1', 'code', 'code/r0'] : ['chat', 'code'];
  },
  leases: async () => ['lease-1', 'lease-2'],
  planned: async () => ['chat', 'embed'],
};

/** The last word of the line is what is typed; a blank at its end begins a new one. */
async function proposed(line: string): Promise<string[]> {
  const { candidates, shell } = await complete(line.split(' '), live);
  return [...candidates.map(({ word }) => word), ...(shell === null ? [] : [`:${shell}`])];
}

describe('after a line', () => {
  it.each([
    ['dr', ['drain']],
    ['dia', ['diagnose']],
    ['drain c', ['chat', 'chat/r0', 'chat/r1', 'code', 'code/r0']],
    ['drain chat/', ['chat/r0', 'chat/r1']],
    ['drain chat code/r0 ', ['chat/r0', 'chat/r1', 'code', 'all']],
    ['drain --deadline 5s ', ['chat', 'chat/r0', 'chat/r1', 'code', 'code/r0', 'all']],
    ['drain --deadline ', []],
    ['drain chat --de', ['--deadline']],
    ['drain chat --no-wait --no', ['--no-color']],
    ['wait all --for ', ['ready', 'drained', 'stopped', 'failed']],
    ['wait all --for=d', ['--for=drained']],
    ['--color ', ['auto', 'always', 'never']],
    ['--color always re', ['reload', 'reset', 'restart']],
    ['-f x.yaml ch', ['check']],
    ['logs -f ', ['chat', 'chat/r0', 'chat/r1', 'code', 'code/r0', 'all']],
    ['logs -n ', []],
    ['check ', [':files']],
    ['check a.yaml ', []],
    ['--state-dir ', [':directories']],
    ['reload ', ['chat', 'code']],
    ['reload chat ', []],
    ['reload chat --model ', [':files']],
    ['up chat ', ['embed']],
    ['plan e', ['embed']],
    ['lease ', ['acquire', 'renew', 'release', 'list', 'run']],
    ['lease renew ', ['lease-1', 'lease-2']],
    ['lease list chat ', []],
    ['lease run co', ['code', 'code/r0']],
    ['lease run chat -- ', [':programs']],
    ['lease run chat -- curl --', [':files']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['help po', ['pools.yaml']],
    ['nonsense ', [...Object.keys(lines)]],
    ['drain -- --', []],
  ])('%j', async (line, words) => {
    expect((await proposed(line)).sort()).toEqual([...words].sort());
  });

  it('asks the supervisor that the line names', async () => {
    asked.length = 0;
    await proposed('--state-dir /x -s /y.sock drain ');
    await proposed('drain --socket=/z.sock c');
    expect(asked).toEqual([{ stateDir: '/x', socket: '/y.sock' }, { socket: '/z.sock' }]);
  });
});

describe("bash's words", () => {
  it.each([
    ['drain chat', 'drain chat'],
    ['wait all --for = dr', 'wait all --for=dr'],
    ['wait all --for =', 'wait all --for='],
    ['reload chat --model hf : org/repo', 'reload chat --model hf:org/repo'],
    ['reload chat --model = hf : org', 'reload chat --model=hf:org'],
  ])('%s', (given, whole) => {
    expect(wordsFrom('bash', given.split(' '))).toEqual(whole.split(' '));
    expect(wordsFrom('zsh', given.split(' '))).toEqual(given.split(' '));
  });

  it('are given back without what it leaves in its place', () => {
    expect(replaced('bash', '--for=drained', '--for=dr')).toBe('drained');
    expect(replaced('bash', 'chat/r0', 'ch')).toBe('chat/r0');
    expect(replaced('fish', '--for=drained', '--for=dr')).toBe('--for=drained');
  });
});

it("reads an inventory's pools off its lines, and proposes nothing that is none", () => {
  const text = `version: 1
# pools:
defaults:
  drain: { deadline: 2m }
pools:
  # the first
  chat:
    model: m.gguf # not: a pool
    args:
      - --ctx-size

  big-2: { engine: demo, device_masks: [cpu] }
  Wrong: {}
supervisor:
  listen: null
`;
  expect(poolsIn(text)).toEqual(['chat', 'big-2']);
  expect(poolsIn(text.replaceAll('\n', '\r\n'))).toEqual(['chat', 'big-2']);
  for (const none of ['', 'pools: {}\n', 'pools:\n', 'pools: { chat: {} }\n', 'pools:\nversion: 1\n'])
    expect(poolsIn(none)).toEqual([]);
});
