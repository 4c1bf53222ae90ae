import { expect, it } from 'vitest';
import { contextOf, systemClock } from '../../src/shell/clock.js';

const rings = (clock: ReturnType<typeof systemClock>, at: number): Promise<number> =>
  new Promise((resolve) => clock.alarm(at, () => resolve(clock.now())));

it('rings once, never early, and at once for what is past', async () => {
  const clock = systemClock();
  const at = clock.now() + 20.4;
  expect(await rings(clock, at)).toBeGreaterThanOrEqual(at);
  const before = clock.now();
  expect(await rings(clock, before - 1_000)).toBeGreaterThanOrEqual(before);
});

it('is not early at the end of a millisecond, with a loop that never sleeps', async () => {
  const clock = systemClock();
  let busy = true;
  const turn = (): void => void (busy && setImmediate(turn));
  turn();
  while (process.hrtime.bigint() % 1_000_000n < 950_000n);
  const at = clock.now() + 3;
  const rang = await rings(clock, at);
  busy = false;
  expect(rang).toBeGreaterThanOrEqual(at);
});

it('a later call takes the place of an earlier one, and null takes it away', async () => {
  const clock = systemClock();
  const rung: string[] = [];
  clock.alarm(clock.now() + 1, () => rung.push('replaced'));
  await new Promise<void>((resolve) => clock.alarm(clock.now() + 5, () => resolve(void rung.push('last'))));
  clock.alarm(clock.now(), () => rung.push('taken away'));
  clock.alarm(null, () => rung.push('never'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(rung).toEqual(['last']);
});

it('does not ring at once for a time beyond what a timer can hold', async () => {
  const clock = systemClock();
  let rung = false;
  clock.alarm(clock.now() + 2 ** 40, () => {
    rung = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  clock.alarm(null, () => {});
  expect(rung).toBe(false);
});

it('knows how late it rang, by what was due', async () => {
  const clock = systemClock();
  expect(clock.lagMs()).toBe(0);
  const ring = rings(clock, clock.now() + 1);
  // Nobody can ring while this loop has the thread.
  for (const end = clock.now() + 60; clock.now() < end; );
  await ring;
  expect(clock.lagMs()).toBeGreaterThan(40);
});

it('gives the core its time and chance', () => {
  const clock = systemClock();
  const { now, wallMs, rand, id } = contextOf(clock);
  expect(now).toBeLessThanOrEqual(clock.now());
  expect(wallMs).toBeLessThanOrEqual(Date.now());
  expect(rand()).toBeLessThan(1);
  expect(new Set([id(), id(), id()]).size).toBe(3);
});
