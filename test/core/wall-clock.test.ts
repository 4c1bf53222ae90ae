/** The clock on the wall is set while the machine runs: by a time server, by hand, by a day. Nothing that is waited for may come sooner, later or twice. */

import { expect, it } from 'vitest';
import { nextAt } from '../../src/core/due.js';
import fc from '../rig/chance.js';
import { exitOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

const dayMs = 86_400_000;

/** A life with loads, probes, misses, crashes, waits, an open breaker, a drain and its deadline; what is done and when, and what is due next. */
function life(steps: readonly number[]): readonly unknown[] {
  const bench = new Bench([poolSpec('chat', 1)]);
  const seen: unknown[] = [];
  let at = 0;
  const note = (): void => {
    seen.push([bench.now, bench.did(), nextAt(bench.state), bench.view().state, bench.view().backoff?.delay_ms]);
    bench.wallStepMs += steps[at++ % steps.length] ?? 0;
  };
  for (let crashes = 0; crashes < 6; crashes += 1) {
    bench.ready();
    note();
    bench.pass(7_000);
    note();
    bench.pass(6_000, probeResult({ verdict: 'failed', detail: 'no answer' }));
    note();
    bench.exited(exitOf({ code: 134 }));
    note();
    bench.wake();
    note();
  }
  bench.ready();
  bench.lease({ type: 'lease-requested', poolId: 'chat', replicaId: null, ttlMs: 60_000, holder: null, correlationId: null });
  note();
  bench.ask('drain', { deadlineMs: 30_000 });
  note();
  for (let n = 0; n < 40 && bench.view().state === 'draining'; n += 1) {
    bench.wake();
    note();
  }
  return seen;
}

it('a clock that is set, by seconds or by days, back or forth, changes nothing of what is done and when', () => {
  const undisturbed = life([0]);
  expect(JSON.stringify(undisturbed)).toContain('"broken"');
  expect(JSON.stringify(undisturbed)).toContain('"stopping"');
  for (const step of [dayMs, -dayMs, 3_600_000, -3_600_000]) expect(life([step])).toEqual(undisturbed);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -dayMs, max: dayMs }), { minLength: 1, maxLength: 12 }), (steps) => {
      expect(life(steps)).toEqual(undisturbed);
    }),
    { numRuns: 50 },
  );
});
