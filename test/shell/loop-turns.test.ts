/** Hundreds who come at once with work that blocks: others have their turns of the event loop in between. */

import { expect, test } from 'vitest';
import { loopTurns } from '../../src/shell/loop-turns.js';

const turnEnds = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that goes only while somebody works. */
function crowd(size: number, workMs: number, order: string[] = []) {
  let ms = 0;
  const inTurn = loopTurns(() => ms);
  const work = (n: number): void => {
    ms += workMs;
    order.push(`${n}`);
  };
  return { inTurn, done: Promise.all(Array.from({ length: size }, (_, n) => inTurn(() => work(n)))) };
}

test('whoever comes alone is served at once', async () => {
  const inTurn = loopTurns();
  let done = 0;
  const first = inTurn(() => (done += 1));
  expect(done).toBe(1);
  expect(await first).toBe(1);
  await expect(inTurn(() => JSON.parse('{'))).rejects.toThrow(SyntaxError);
});

test.each([
  ['of 5 ms two have time in a turn', 5, 2],
  ['of 7 ms two, the second of which takes longer than there is', 7, 2],
  ['of 12 ms one', 12, 1],
])('a crowd goes in its order, and makes way: %s', async (_, workMs, each) => {
  const order: string[] = [];
  // Begun before the crowd comes, so that it is the first in each turn.
  let isOver = false;
  const tick = (): void => {
    order.push('|');
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  await crowd(20, workMs, order).done;
  isOver = true;
  const worked = (): readonly string[] => order.filter((one) => one !== '|');
  expect(worked()).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
  const runs = order.join(' ').split('|');
  expect(Math.max(...runs.map((run) => run.split(' ').filter(Boolean).length))).toBe(each);
});

test('when the crowd has gone it is as before', async () => {
  const { inTurn, done } = crowd(5, 30);
  await done;
  await turnEnds();
  let served = false;
  void inTurn(() => {
    served = true;
  });
  expect(served).toBe(true);
});
