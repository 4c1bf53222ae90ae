/** When frames are drawn, by a clock that the test moves. */

import { expect, it } from 'vitest';
import { Pace } from '../../src/tui/pace.js';

function paced() {
  let now = 1_000;
  let pending: { readonly call: () => void; readonly at: number } | null = null;
  const drawn: number[] = [];
  const pace = new Pace(() => drawn.push(now), {
    now: () => now,
    later(call, ms) {
      const mine = { call, at: now + ms };
      pending = mine;
      return () => {
        if (pending === mine) pending = null;
      };
    },
  });
  const until = (time: number): void => {
    while (pending !== null && pending.at <= time) {
      const { call, at } = pending;
      pending = null;
      now = at;
      call();
    }
    now = time;
  };
  return { pace, drawn, until, pending: () => pending };
}

it('draws at once what is new, at most four times a second however much is new, and nothing twice', () => {
  const { pace, drawn, until } = paced();
  pace.now();
  for (let time = 1_010; time <= 2_000; time += 10) {
    pace.soon();
    until(time);
  }
  expect(drawn).toEqual([1_000, 1_250, 1_500, 1_750, 2_000]);
  until(4_500);
  expect(drawn.slice(5)).toEqual([3_000, 4_000]);
  pace.soon();
  expect(drawn.at(-1)).toBe(4_500);
});

it('draws once a second where only clocks move, and no more once it is stopped', () => {
  const { pace, drawn, until, pending } = paced();
  pace.now();
  until(4_500);
  expect(drawn).toEqual([1_000, 2_000, 3_000, 4_000]);
  pace.stop();
  pace.soon();
  expect(pending()).toBeNull();
  until(10_000);
  expect(drawn).toHaveLength(4);
});
