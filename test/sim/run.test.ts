import { expect, test } from 'vitest';
import { type Outcome, simulate } from './run.js';

/** Short hours, in which everything happens that does in long ones. */
async function play(seed: string, hours: number): Promise<{ readonly outcome: Outcome; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const outcome = await simulate({ seed, hours, probeMs: 60_000, trace: (line) => lines.push(line) });
  return { outcome, lines };
}

test.each(['1', '2'])('seed %s holds the invariants for two hours', async (seed) => {
  const { outcome } = await play(seed, 2);
  expect(outcome).toMatchObject({ violation: null, hours: 2 });
  expect(outcome.faults.size).toBeGreaterThan(5);
});

test('the same seed tells the same story, to the letter; another tells another', async () => {
  const [first, again, other] = [await play('3', 1), await play('3', 1), await play('4', 1)];
  expect(first.lines.length).toBeGreaterThan(500);
  expect(again).toEqual(first);
  expect(other.lines).not.toEqual(first.lines);
});

test('clients have leases that end in every way, and are refused', async () => {
  const plays = [await play('1', 10), await play('2', 3), await play('3', 3)];
  const story = plays.flatMap(({ lines }) => lines).join('\n');
  for (const end of ['granted', 'released', 'expired', 'lost']) expect(story).toContain(`! lease.${end} `);
  expect(story).toMatch(/! lease\.lost .*the supervisor that granted it has ended/);
  for (const why of ['no replica is ready', 'it is being drained', 'all of its slots', 'cannot renew lease'])
    expect(story).toContain(why);
});

test('drains end in every way, and go on under the next supervisor', async () => {
  const plays = [await play('1', 6), await play('2', 6), await play('3', 6)];
  const story = plays.flatMap(({ lines }) => lines).join('\n');
  expect(story).toMatch(/ready -> draining/);
  expect(story).toMatch(/draining -> stopping \(drained, drained/);
  expect(story).toMatch(/draining -> stopping \(drained, forced, its drain's deadline/);
  expect(story).toMatch(/draining -> ready/);
  expect(story).toMatch(/starting -> draining/);
});

test('reloads end in every way, forward and back', async () => {
  const plays = [await play('1', 6), await play('2', 6), await play('3', 6), await play('4', 6)];
  const story = plays.flatMap(({ lines }) => lines).join('\n');
  for (const end of ['reloaded', 'rolled_back', 'drain_timeout', 'failed', 'unchanged'])
    expect(story).toMatch(new RegExp(`! reload\\.finished .*\\b${end}\\b`));
  expect(story).toMatch(/! reload\.rolled_back .*cancelled by a/);
  expect(story).toMatch(/interrupted, the supervisor ended while this reload was under way/);
});
