import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { fresh } from '../../src/host/fresh.js';

test('all who ask in one turn share one run; who asks while it runs gets the next', async () => {
  const runs: (() => void)[] = [];
  const begun = new EventEmitter();
  const ask = fresh(async () => {
    const n = runs.length + 1;
    await new Promise<void>((finish) => {
      runs.push(finish);
      begun.emit(`run ${n}`);
    });
    return n;
  });
  const firstBegun = once(begun, 'run 1');
  const first = [ask(), ask(), ask()];
  await firstBegun;
  const secondBegun = once(begun, 'run 2');
  const second = [ask(), ask()];
  expect(runs).toHaveLength(1);
  runs[0]?.();
  expect(await Promise.all(first)).toEqual([1, 1, 1]);
  await secondBegun;
  runs[1]?.();
  expect(await Promise.all(second)).toEqual([2, 2]);
});

test('a run that fails fails those who asked for it, and not the next ones', async () => {
  let runs = 0;
  const ask = fresh(async () => {
    if (++runs === 1) throw new Error('once');
    return runs;
  });
  await expect(ask()).rejects.toThrow('once');
  expect(await ask()).toBe(2);
});
