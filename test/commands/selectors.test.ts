import { describe, expect, it, test } from 'vitest';
import { narrow, replicasOf, resolveTargets, targetName } from '../../commands/ask/selectors.js';
import type { StatusView } from '../../src/api/wire.js';

const pools = [
  { pool_id: 'chat', replicas: [{ replica_id: 'r0' }, { replica_id: 'r1' }] },
  { pool_id: 'code', replicas: [{ replica_id: 'r0' }] },
  { pool_id: 'empty', replicas: [] },
];
const view = { pools } as unknown as StatusView;
const named = (...selectors: string[]): readonly string[] => resolveTargets(selectors, pools, 'stop').map(targetName);

describe('a selector', () => {
  test.each([
    [['chat'], ['chat']],
    [['chat/r1'], ['chat/r1']],
    [['all'], ['chat', 'code', 'empty']],
    [
      ['code', 'chat'],
      ['code', 'chat'],
    ],
    [
      ['chat/r1', 'chat/r0', 'chat/r1'],
      ['chat/r1', 'chat/r0'],
    ],
    [['chat/r1', 'chat'], ['chat']],
    [
      ['code/r0', 'all'],
      ['chat', 'code', 'empty'],
    ],
    [
      ['all', 'all'],
      ['chat', 'code', 'empty'],
    ],
    [[], []],
  ])('%j means %j', (selectors, targets) => {
    expect(named(...selectors)).toEqual(targets);
  });

  test.each([
    [
      'chta',
      'POOL_NOT_FOUND',
      'cannot stop "chta": there is no such pool',
      'poolctl stop chat        (pools: chat, code, empty)',
    ],
    [
      'chta/r0',
      'POOL_NOT_FOUND',
      'cannot stop "chta/r0": there is no such pool',
      'poolctl stop chat        (pools: chat, code, empty)',
    ],
    ['zzz', 'POOL_NOT_FOUND', 'cannot stop "zzz": there is no such pool', 'poolctl status        (pools: chat, code, empty)'],
    ['', 'POOL_NOT_FOUND', 'cannot stop "": there is no such pool', 'poolctl status        (pools: chat, code, empty)'],
    [
      'chat/r2',
      'REPLICA_NOT_FOUND',
      'cannot stop "chat/r2": there is no such replica',
      'poolctl stop chat/r0        (replicas: chat/r0, chat/r1)',
    ],
    [
      'chat/',
      'REPLICA_NOT_FOUND',
      'cannot stop "chat/": there is no such replica',
      expect.stringContaining('poolctl stop chat/r0'),
    ],
    [
      'chat/r0/x',
      'REPLICA_NOT_FOUND',
      'cannot stop "chat/r0/x": there is no such replica',
      expect.stringContaining('(replicas: chat/r0, chat/r1)'),
    ],
    ['all/r0', 'POOL_NOT_FOUND', 'cannot stop "all/r0": there is no such pool', expect.anything()],
    [
      'empty/r0',
      'REPLICA_NOT_FOUND',
      'cannot stop "empty/r0": there is no such replica',
      expect.stringMatching(/^poolctl status/),
    ],
  ])('%j is told with what was probably meant', (selector, code, message, hint) => {
    expect(() => named('chat', selector)).toThrow(
      expect.objectContaining({ code, message, more: expect.objectContaining({ hint }) }),
    );
  });

  it('has nothing to mean where there are no pools', () => {
    expect(resolveTargets(['all'], [], 'stop')).toEqual([]);
    expect(() => resolveTargets(['chat'], [], 'stop')).toThrow(
      expect.objectContaining({ more: { hint: 'there are no pools; add one to pools.yaml' } }),
    );
  });
});

it('a view is narrowed to what was meant, a pool without replicas too', () => {
  const targets = resolveTargets(['chat/r1', 'empty'], pools, 'status');
  expect(narrow(view, targets).pools).toEqual([
    { pool_id: 'chat', replicas: [{ replica_id: 'r1' }] },
    { pool_id: 'empty', replicas: [] },
  ]);
  expect(replicasOf(view, targets).map(({ pool, replica }) => `${pool.pool_id}/${replica.replica_id}`)).toEqual(['chat/r1']);
  expect(replicasOf(view, resolveTargets(['all'], pools, 'status'))).toHaveLength(3);
});
