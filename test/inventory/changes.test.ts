/** What differs between two entries, in a line of its own for each key. */

import { describe, expect, it, test } from 'vitest';
import { type Change, changesOf } from '../../src/core/apply.js';
import { changeText } from '../../src/inventory/changes.js';
import { poolSpec } from '../rig/specs.js';

const change = (key: string, from: unknown, to: unknown, unit: Change['unit'] = null): string =>
  changeText({ key, from, to, unit }, null);
const args = (from: string, to: string): string => change('args', words(from), words(to)).replace(/^args: /, '');
const words = (line: string): readonly string[] => line.split(' ').filter((word) => word !== '');

test.each([
  [change('drain.deadline', 300_000, 600_000, 'ms'), 'drain.deadline: 5m -> 10m'],
  [change('stop.grace', 1_500, 0, 'ms'), 'stop.grace: 1.5s -> 0ms'],
  [change('vram', null, 9 * 2 ** 30, 'bytes'), 'vram: none -> 9.0 GiB'],
  [change('slots', 'auto', 8), 'slots: auto -> 8'],
  [change('share', false, true), 'share: false -> true'],
  [change('restart.backoff.factor', 2, 1.5), 'restart.backoff.factor: 2 -> 1.5'],
  [change('user', 'llama', null), 'user: llama -> none'],
  [change('tensor_split', null, [0.25, 0.75]), 'tensor_split: none -> 0.25 0.75'],
  [change('tensor_split', [0.5, 0.5], null), 'tensor_split: 0.5 0.5 -> none'],
  [change('device_masks', ['0', '1'], ['0', '2,3']), 'device_masks: 1 -> 2,3'],
  [change('health.restart_after', 'never', 60_000, 'ms'), 'health.restart_after: never -> 1m'],
])('%s', (text, expected) => {
  expect(text).toBe(expected);
});

it('says where the new value stands, if it stands anywhere', () => {
  expect(changeText({ key: 'slots', from: 1, to: 2, unit: null }, 'pools.yaml:3:9')).toBe('slots: 1 -> 2 (pools.yaml:3:9)');
});

describe('of a list', () => {
  test.each([
    [
      'only what differs is shown, with the flag before it',
      '-a 1 --ctx-size 16384 -b',
      '-a 1 --ctx-size 32768 -b',
      '--ctx-size 16384 -> 32768',
    ],
    ['what differs may be all of it', 'serve', 'run', 'serve -> run'],
    ['several in the middle are one', '-a 1 -b 2 -c', '-a 3 -b 4 -c', '-a 1 -b 2 -> 3 -b 4'],
    ['at its end', '-a', '-a -b 1', 'added -b 1'],
    ['at its beginning', '-a 1', '-n -a 1', 'added -n'],
    ['out of the middle', '-a -b 1 -c', '-a -c', 'removed -b 1'],
    ['all of it', '', '-a', 'added -a'],
    ['and nothing is left', '-a 1', '', 'removed -a 1'],
    ['a pair among its like', '-o x -o y', '-o x -o z -o y', 'added -o z'],
    ['a pair less among its like', '-o x -o z -o y', '-o x -o y', 'removed -o z'],
    ['the order alone', '-a -b', '-b -a', '-a -b -> -b -a'],
    ['a word once more', 'x', 'x x', 'added x'],
  ])('%s', (_, from, to, expected) => {
    expect(args(from, to)).toBe(expected);
  });
});

describe('a secret', () => {
  test.each([
    [change('env.TOKEN', { value: 'a' }, { value: 'b' }), 'env.TOKEN: changed'],
    [change('env.PLAIN', { value: 'a' }, { value: 'b' }), 'env.PLAIN: changed'],
    [change('env.A', null, { value: 'b' }), 'env.A: added'],
    [change('env.A', { value: 'a' }, null), 'env.A: removed'],
    [args('--api-key one', '--api-key two'), 'changed'],
    [args('-v --api-key=one', '-v --api-key=two'), 'changed'],
    [args('-v', '-v --api-key two'), 'added --api-key ***'],
    [args('--api-key one --port 1', '--port 2'), '--api-key *** --port 1 -> --port 2'],
    [
      change('model', 'https://u:pass@host/a.gguf', 'https://u:word@host/a.gguf'),
      'model: https://***@host/a.gguf -> https://***@host/a.gguf',
    ],
  ])('%s', (text, expected) => {
    expect(text.replace(/^args: /, '')).toBe(expected);
  });
});

it('every key of an entry has a text, and it is one line', () => {
  const before = poolSpec('chat', 1);
  const after = poolSpec('chat', 2, {
    engine: 'demo',
    model: '/m',
    args: ['a\nb'],
    env: { A: { fromEnv: 'B' } },
    vramBytes: 5,
    port: 1,
  });
  const texts = changesOf(before, after).map((each) => changeText(each, null));
  expect(texts).toHaveLength(7);
  for (const text of texts) expect(text).toMatch(/^[\w.]+: [^\n]+$/);
});
