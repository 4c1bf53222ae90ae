/** A supervisor that was stopped for a while: its clock went on, and nobody watched the engines. */

import { expect, it } from 'vitest';
import { nextAt } from '../../src/core/due.js';
import type { Effect, Input } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { State } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { identityOf, probeResult } from '../rig/facts.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

const { health } = poolSpec('chat', 1);
const quick = {
  ...health,
  intervalMs: 1_000,
  timeoutMs: 500,
  startupDeadlineMs: 10_000,
  failureThreshold: 1,
  restartAfterMs: 20_000,
};
const failed = probeResult({ verdict: 'failed', detail: 'no answer in 500ms' });
const unknown = probeResult({ verdict: 'unknown', detail: 'poolctl itself was held up' });

/** A launched engine, and a shell that does nothing by itself. */
function launched(more: Partial<PoolSpec['health']> = {}) {
  let now = 1_000;
  let state: State = beginning({ inventory: inventoryOf(poolSpec('chat', 1, { health: { ...quick, ...more } })), now });
  const give = (input: Input): readonly Effect[] => {
    const result = step(state, input, { now, wallMs: 1e12 + now, rand: () => 0.5, id: () => 'id' });
    state = result.state;
    return result.effects;
  };
  const engine = { key: 'chat/r0', incarnation: 1 } as const;
  const life = () => state.pools.get('chat')?.replicas[0]?.life;
  give({ type: 'woke' });
  give({
    type: 'checked',
    key: 'chat/r0',
    check: 1,
    obstacles: [],
    startupDeadlineMs: 10_000,
    portKnownFree: true,
    modelBytes: null,
    listed: true,
  });
  give({ type: 'spawned', ...engine, identity: identityOf(100, 'id') });
  return {
    life,
    now: () => now,
    probed: (result = probeResult()) => give({ type: 'probed', ...engine, result }),
    /** To the next instant at which something is due. */
    wake() {
      now = Math.max(now, nextAt(state) ?? now);
      return give({ type: 'woke' }).map(({ type }) => type);
    },
    /** Nothing is done for so long; then everything that is due. */
    sleep(ms: number) {
      now += ms;
      return give({ type: 'woke' }).map(({ type }) => type);
    },
  };
}

it('a startup deadline that passed meanwhile is not held against the engine before a fresh probe', () => {
  const bench = launched();
  expect(bench.wake()).toEqual(['probe']);
  bench.probed(failed);
  expect(bench.sleep(30_000)).toEqual(['probe']);
  expect(bench.life()?.state).toBe('starting');
  bench.probed(probeResult());
  expect(bench.life()?.state).toBe('ready');
});

it('nor while a probe is out that overlapped it', () => {
  const bench = launched();
  expect(bench.wake()).toEqual(['probe']);
  expect(bench.sleep(30_000)).toEqual([]);
  bench.probed(unknown);
  expect(bench.wake()).toEqual(['probe']);
  bench.probed(probeResult());
  expect(bench.life()?.state).toBe('ready');
});

it('but one that does not answer then either is late, soon after', () => {
  const bench = launched();
  bench.wake();
  bench.probed(failed);
  bench.sleep(30_000);
  const back = bench.now();
  for (let probes = 0; bench.life()?.state === 'starting' && probes < 20; probes += 1) {
    bench.probed(failed);
    bench.wake();
  }
  expect(bench.life()?.state).toBe('stopping');
  expect(bench.now() - back).toBeLessThanOrEqual(quick.startupIntervalMs + quick.timeoutMs + 1_000);
});

it('without a sleep the deadline holds to the millisecond', () => {
  const bench = launched();
  const begun = bench.now();
  for (let probes = 0; bench.life()?.state === 'starting' && probes < 100; probes += 1) {
    bench.wake();
    bench.probed(failed);
  }
  expect(bench.life()?.state).toBe('stopping');
  expect(bench.now() - begun).toBe(10_000);
});

it('an engine whose patience ran out meanwhile gets a fresh probe, too', () => {
  const bench = launched();
  bench.wake();
  bench.probed();
  bench.wake();
  bench.probed(failed);
  expect(bench.life()?.state).toBe('unhealthy');
  expect(bench.sleep(30_000)).toEqual(['probe']);
  bench.probed(probeResult());
  expect(bench.life()?.state).toBe('ready');
});

it('and is restarted soon when it fails that one', () => {
  const bench = launched();
  bench.wake();
  bench.probed();
  bench.wake();
  bench.probed(failed);
  bench.sleep(30_000);
  const back = bench.now();
  for (let probes = 0; bench.life()?.state === 'unhealthy' && probes < 20; probes += 1) {
    bench.probed(failed);
    bench.wake();
  }
  expect(bench.life()?.state).toBe('stopping');
  expect(bench.now() - back).toBeLessThanOrEqual(quick.intervalMs + quick.timeoutMs + 1_000);
});

it('an engine that is not probed is ready by its time alone, however late that is seen', () => {
  const bench = launched({ path: 'none', minUptimeMs: 5_000 });
  bench.sleep(30_000);
  expect(bench.life()?.state).toBe('ready');
});
