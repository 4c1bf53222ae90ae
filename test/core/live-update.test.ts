/** Policies that change under living engines: what is due by them moves, and nothing is restarted. */

import { expect, it } from 'vitest';
import type { Life } from '../../src/core/life.js';
import type { PoolSpec } from '../../src/core/model.js';
import { identityOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import { apply, chat, operationOf } from './applying.js';
import { Bench, crash } from './bench.js';
import { serving } from './leasing.js';

const plain = poolSpec('chat', 1);
const health = (more: Partial<PoolSpec['health']>): PoolSpec => ({ ...plain, health: { ...plain.health, ...more } });
/** Of pools with one replica that is ready. */
const ready = (spec: PoolSpec = plain): Bench => serving(4, 1, spec, { enginePollMs: null });
const change = (bench: Bench, to: PoolSpec): Bench => {
  apply(bench, [to], { enginePollMs: null });
  expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'applied' });
  expect(bench.view().incarnation).toBe(1);
  return bench;
};
const asks = (bench: Bench, ms: number): readonly string[] => {
  const end = bench.now + ms;
  const seen: string[] = [];
  while (bench.now < end) {
    bench.wake();
    seen.push(...bench.did().map((what) => `${what} ${bench.now - end + ms}`));
    if (bench.did().includes('probe')) bench.probed();
  }
  return seen;
};
const sick = (bench: Bench): Bench => {
  for (let n = 0; n < 3; n += 1) bench.wake().probed(probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
  expect(bench.view().state).toBe('unhealthy');
  return bench;
};

it('probes at the new interval from the last probe on, at once where that has passed', () => {
  const bench = ready(health({ intervalMs: 3_600_000 }));
  bench.now += 3_000;
  change(bench, health({ intervalMs: 5_000 }));
  expect(asks(bench, 7_000)).toEqual(['probe 2000', 'probe 7000']);
  bench.now += 100;
  change(bench, health({ intervalMs: 50 }));
  expect(bench.wake().did()).toEqual(['probe']);
});

it('a probe that is out comes back, and the next one goes by the new interval', () => {
  const bench = ready().wake();
  change(bench, health({ intervalMs: 20_000 }));
  bench.probed();
  expect(asks(bench, 20_000)).toEqual(['probe 20000']);
});

it('an engine that loads is probed at the new interval from the last probe on, and one that is out comes back first', () => {
  const loading = probeResult({ verdict: 'loading', detail: 'HTTP 503' });
  const bench = new Bench([health({ startupIntervalMs: 60_000 })]).checked().spawned().wake();
  const begunAt = bench.now;
  bench.probed(loading);
  apply(bench, [health({ startupIntervalMs: 2_000 })]);
  expect(bench.wake().did()).toEqual(['probe']);
  expect(bench.now - begunAt).toBe(2_000);
  apply(bench, [health({ startupIntervalMs: 7_000 })]);
  bench.probed(loading);
  expect(bench.wake().did()).toEqual(['probe']);
  expect(bench.now - begunAt).toBe(9_000);
});

it('asks for tokens once it is told to, and no more once it is not', () => {
  const bench = change(ready(health({ intervalMs: 3_600_000 })), {
    ...plain,
    health: { ...plain.health, intervalMs: 3_600_000, generate: { everyMs: 60_000, timeoutMs: 1_000 } },
  });
  expect(asks(bench, 60_000)).toEqual(['generate 60000']);
  bench.give({ type: 'generated', ...bench.of(), verdict: 'ok', detail: '' });
  change(bench, health({ intervalMs: 3_600_000 }));
  expect(bench.view().state).toBe('ready');
  expect(asks(bench, 3_000_000).filter((what) => !what.startsWith('probe'))).toEqual([]);
});

it('is asked for its requests as often as the supervisor is to, from now on', () => {
  const bench = ready(health({ intervalMs: 3_600_000 }));
  apply(bench, [health({ intervalMs: 3_600_000 })], { enginePollMs: 5_000 });
  expect(operationOf(bench)).toMatchObject({ outcome: 'applied', changed: true });
  expect(asks(bench, 5_000)).toEqual(['poll 5000']);
});

it('one that is unhealthy is borne as long as it is now to be', () => {
  const bench = sick(ready(health({ restartAfterMs: 'never' })));
  change(bench, health({ restartAfterMs: 1_000 }));
  bench.pass(1_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
  expect(bench.view()).toMatchObject({ state: 'stopping' });
  const other = sick(ready(health({ restartAfterMs: 1_000 })));
  change(other, health({ restartAfterMs: 'never' }));
  other.pass(100_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
  expect(other.view()).toMatchObject({ state: 'unhealthy', incarnation: 1 });
});

it('one that fails its probes is well when it is to have none, and is probed when it is to', () => {
  const bench = change(sick(ready()), health({ path: 'none' }));
  bench.wake();
  expect(bench.view()).toMatchObject({ state: 'ready', last_heartbeat_ms: null });
  expect(bench.did()).toContain('write-handoff');
  bench.pass(3_600_000);
  expect(bench.effects.filter(({ type }) => type === 'probe')).toEqual([]);
  change(bench, plain);
  expect(asks(bench, 5_000)).toEqual(['probe 0', 'probe 5000']);
  expect(bench.view()).toMatchObject({ state: 'ready', last_heartbeat_ms: expect.any(Number) });
});

it('a probe that was out when probes ended is the last', () => {
  const bench = change(ready().wake(), health({ path: 'none' }));
  bench.probed();
  bench.pass(100_000);
  expect(bench.effects.filter(({ type }) => type === 'probe')).toEqual([]);
});

it('one that loads has the new deadline, counted from its start', () => {
  const loads = probeResult({ verdict: 'loading', detail: 'HTTP 503' });
  const bench = new Bench([plain]).checked().spawned();
  bench.pass(100_000, loads);
  change(bench, health({ startupDeadlineMs: 600_000 }));
  bench.pass(499_000, loads);
  expect(bench.view()).toMatchObject({ state: 'starting', incarnation: 1 });
  change(bench, health({ startupDeadlineMs: 599_500 }));
  bench.pass(1_000, loads);
  expect(bench.view().state).toBe('stopping');
});

it('one that loads is ready after its least time where it is to have no probes, and asked at once where it is', () => {
  const bench = new Bench([plain]).give({ type: 'woke' }).checked().spawned().wake();
  change(bench, health({ path: 'none' }));
  expect(bench.wake().view()).toMatchObject({ state: 'ready' });
  const other = new Bench([health({ path: 'none', minUptimeMs: 60_000 })]).checked();
  other.give({ type: 'spawned', ...other.of(), identity: identityOf(100, other.launch().instance) });
  change(other, plain);
  expect(other.wake().did()).toEqual(['probe']);
  expect(other.probed().view().state).toBe('ready');
});

it('earns its rewards by the new times, counted from when it was ready', () => {
  const bench = crash(new Bench([plain]).ready(), 1)
    .wake()
    .ready();
  expect(bench.view().restart_count).toBe(1);
  bench.pass(1_000);
  const { restart } = plain;
  apply(bench, [{ ...plain, restart: { ...restart, storm: { ...restart.storm, resetAfterMs: 5_000 } } }]);
  bench.pass(3_000);
  expect(bench.view().restart_count).toBe(1);
  bench.pass(1_500);
  expect(bench.view().restart_count).toBe(0);
});

it('has the slots that the file gives it, and those that it tells itself where that is left to it', () => {
  const bench = change(ready(), { ...plain, slots: 9 });
  expect(bench.view()).toMatchObject({ slots_total: 9, slots_free: 9 });
  expect(bench.did()).toContain('write-handoff');
  change(bench, plain);
  expect(bench.view().slots_total).toBeNull();
  expect(bench.wake().effects).toMatchObject([{ type: 'probe', describe: true }]);
  bench.probed(probeResult({ description: { engineVersion: 'b1', slotsTotal: 4, ctxMax: null } }));
  expect(bench.view()).toMatchObject({ slots_total: 4, slots_free: 4 });
  expect(bench.did()).toContain('write-handoff');
  expect(bench.wake().effects).toMatchObject([{ type: 'probe', describe: false }]);
});

it('leaves alone whoever is not asked, and what the entry does not change', () => {
  const bench = serving(4, 2, { model: chat.model, modelId: chat.modelId });
  const before = bench.state.pools.get('chat')?.replicas;
  const spec = bench.state.pools.get('chat')?.spec as PoolSpec;
  apply(bench, [spec]);
  expect(bench.state.pools.get('chat')?.replicas).toEqual(before);
});

it('what its ready time is to earn goes by the new policies also where it was not met again yet', () => {
  const bench = again(ready());
  const { backoff } = plain.restart;
  apply(bench, [
    { ...plain, restart: { ...plain.restart, backoff: { ...backoff, resetAfterMs: backoff.resetAfterMs + 60_000 } } },
  ]);
  const stableAt = (of: Bench) => (of.replica().life as Extract<Life, { state: 'ready' }>).stableAt ?? 0;
  const before = again(ready());
  for (const each of [bench, before])
    each
      .give({ type: 'adopted', ...each.of() })
      .wake()
      .probed();
  expect(stableAt(bench) - stableAt(before)).toBe(60_000);
});
