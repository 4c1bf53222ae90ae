import { expect, test, vi } from 'vitest';
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

/** So many seeds may have to be played, on a machine that has more to do. */
vi.setConfig({ testTimeout: 120_000 });

/** Seed after seed, until all of it has happened; what has not in so many never does. */
async function expectSoon(hours: number, happens: readonly RegExp[]): Promise<void> {
  let missing = happens;
  for (let seed = 1; seed <= 20 && missing.length > 0; seed += 1) {
    const story = (await play(String(seed), hours)).lines.join('\n');
    missing = missing.filter((each) => !each.test(story));
  }
  expect(missing).toEqual([]);
}

test('clients have leases that end in every way, and are refused', async () => {
  await expectSoon(3, [
    ...['granted', 'released', 'expired', 'lost'].map((end) => new RegExp(`! lease\\.${end} `)),
    /! lease\.lost .*the supervisor that granted it has ended/,
    ...['no replica is ready', 'it is being drained', 'all of its slots', 'cannot renew lease'].map((why) => new RegExp(why)),
  ]);
});

test('drains end in every way, and go on under the next supervisor', async () => {
  await expectSoon(6, [
    /ready -> draining/,
    /draining -> stopping \(drained, drained/,
    /draining -> stopping \(drained, forced, its drain's deadline/,
    /draining -> ready/,
    /starting -> draining/,
  ]);
});

test('reloads end in every way, forward and back', async () => {
  await expectSoon(6, [
    ...['reloaded', 'rolled_back', 'drain_timeout', 'failed', 'unchanged'].map(
      (end) => new RegExp(`! reload\\.finished .*\\b${end}\\b`),
    ),
    /! reload\.rolled_back .*cancelled by a/,
    /interrupted, the supervisor ended while this reload was under way/,
  ]);
});

test('applies end in every way, change every kind of thing, and are cut off by deaths', async () => {
  await expectSoon(8, [
    ...['applied', 'rolled_back', 'unchanged'].map((end) => new RegExp(`! inventory\\.applied .*\\b${end}\\b`)),
    ...['starts', 'changes live', 'restarts', 'stops'].map((what) => new RegExp(`${what} (?!none)[a-z]`)),
    /refused: cannot apply /,
    /interrupted, the supervisor ended while this apply was under way/,
  ]);
});
