/** Leases: granted, renewed, given back, expired, lost and refused. */

import { describe, expect, it } from 'vitest';
import type { Life } from '../../src/core/life.js';
import { step } from '../../src/core/step.js';
import fc from '../rig/chance.js';
import { probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { restoredFrom, written } from './again.js';
import { Bench } from './bench.js';
import { acquire, refusal, release, serving, wish } from './leasing.js';

const renew = (bench: Bench, id: string, ttlMs: number | null = null) =>
  bench.lease({ type: 'lease-renewed', id, ttlMs, correlationId: null });
const held = (bench: Bench, key = 'chat/r0' as const) => bench.view(key).active_leases;

describe('a grant', () => {
  it('knows the slots that the inventory names, also of an engine that is never asked', () => {
    const health = { ...poolSpec('chat', 1).health, path: 'none', minUptimeMs: 100 } as const;
    const bench = new Bench([poolSpec('chat', 1, { slots: 3, health })]).checked().spawned();
    bench.pass(1_000);
    for (let lease = 0; lease < 3; lease++) acquire(bench);
    expect(bench.view()).toMatchObject({ state: 'ready', slots_total: 3, slots_free: 0 });
    expect(refusal(bench).code).toBe('NO_FREE_SLOT');
  });

  it('knows the slots that its arguments tell, also of an engine that is never asked', () => {
    const health = { ...poolSpec('chat', 1).health, path: 'none', minUptimeMs: 100 } as const;
    const bench = new Bench([poolSpec('chat', 1, { health })]);
    const { launch } = bench.replica().life as Extract<Life, { phase: 'checking' }>;
    const facts = { obstacles: [], startupDeadlineMs: 60_000, portKnownFree: true, modelBytes: null, listed: true };
    bench.give({ type: 'checked', key: 'chat/r0', check: launch.check, ...facts, slotsTotal: 2 }).spawned();
    bench.pass(1_000);
    expect(bench.view()).toMatchObject({ state: 'ready', slots_total: 2, slots_free: 2 });
  });

  it('counts, takes a slot, and is told with its holder', () => {
    const bench = serving(4);
    const lease = acquire(bench, { holder: 'router', correlationId: 'abc' });
    expect(lease).toMatchObject({ key: 'chat/r0', holder: 'router', expiresAt: { at: bench.now + 60_000 } });
    expect(bench.view()).toMatchObject({ active_leases: 1, slots_total: 4, slots_free: 3 });
    const told = { event: 'lease.granted', lease_id: lease.id, holder: 'router', active_leases: 1, correlation_id: 'abc' };
    expect(bench.events).toMatchObject([told]);
  });

  it('goes to the least loaded replica, and of equals to the first', () => {
    const bench = serving(2, 3);
    const keys = Array.from({ length: 6 }, () => acquire(bench).key);
    expect(keys).toEqual(['chat/r0', 'chat/r1', 'chat/r2', 'chat/r0', 'chat/r1', 'chat/r2']);
    expect(refusal(bench)).toMatchObject({ code: 'NO_FREE_SLOT', retryAfterMs: 1_000 });
  });

  it('goes where it was asked for', () => {
    const bench = serving(2, 2);
    expect(acquire(bench, { replicaId: 'r1' }).key).toBe('chat/r1');
    acquire(bench, { replicaId: 'r1' });
    expect(refusal(bench, { replicaId: 'r1' }).code).toBe('NO_FREE_SLOT');
    expect(acquire(bench).key).toBe('chat/r0');
  });

  it('of an engine that does not tell its slots is one at a time', () => {
    const bench = serving(null);
    expect(bench.view()).toMatchObject({ slots_total: null, slots_free: 1 });
    acquire(bench);
    expect(refusal(bench).code).toBe('NO_FREE_SLOT');
    expect(bench.view().slots_free).toBe(0);
  });
});

describe('refused', () => {
  it.each<[string, Parameters<typeof wish>[0], object]>([
    ['an unknown pool', { poolId: 'nope' }, { code: 'POOL_NOT_FOUND', hint: 'pools: chat' }],
    ['an unknown replica', { replicaId: 'r7' }, { code: 'REPLICA_NOT_FOUND', hint: 'replicas: chat/r0' }],
  ])('%s', (_, more, expected) => {
    expect(refusal(serving(4), more)).toMatchObject(expected);
  });

  it('while it loads: to be tried again', () => {
    const bench = new Bench([poolSpec('chat', 1)]);
    expect(refusal(bench)).toMatchObject({ code: 'POOL_UNREADY', retryAfterMs: 1_000 });
    expect(bench.events).toMatchObject([{ event: 'lease.refused', result: 'POOL_UNREADY', pool_id: 'chat' }]);
  });

  it('while it is unhealthy, and the leases that are held stay', () => {
    const bench = serving(4);
    acquire(bench);
    for (let n = 0; n < 3; n += 1) bench.pass(5_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
    expect(bench.view().state).toBe('unhealthy');
    expect(refusal(bench).code).toBe('POOL_UNREADY');
    expect(held(bench)).toBe(1);
  });

  it('when it is stopped: not to be tried again', () => {
    const bench = serving(4).ask('stop').exited().swept();
    expect(refusal(bench)).toMatchObject({ code: 'POOL_UNREADY', retriable: false });
    expect(refusal(bench)).not.toHaveProperty('retryAfterMs');
  });

  it('behind an open breaker: to be tried again at half-open', () => {
    const bench = new Bench([poolSpec('chat', 1)]);
    for (let n = 0; n < 4; n += 1) bench.checked().spawned().exited().wake();
    bench.checked().spawned().exited();
    expect(bench.view().state).toBe('broken');
    bench.now += 100_000;
    expect(refusal(bench)).toMatchObject({ code: 'POOL_UNREADY', retryAfterMs: expect.any(Number) });
    expect(refusal(bench).retryAfterMs).toBeGreaterThan(100_000);
  });

  it('during a shutdown', () => {
    const bench = serving(4);
    bench.give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null });
    expect(refusal(bench).code).toBe('SHUTTING_DOWN');
  });
});

describe('an end', () => {
  it('is a release, and a second one does no harm', () => {
    const bench = serving(4);
    const { id } = acquire(bench);
    expect(release(bench, id)).toEqual({ ok: true, lease: null });
    expect(bench.events).toMatchObject([{ event: 'lease.released', lease_id: id, active_leases: 0, correlation_id: 'c' }]);
    expect(held(bench)).toBe(0);
    expect(release(bench, id)).toEqual({ ok: true, lease: null });
    expect(bench.events).toEqual([]);
  });

  it('is an expiry when nobody renews it', () => {
    const bench = serving(4);
    const [one, other] = [acquire(bench, { ttlMs: 2_000 }), acquire(bench, { ttlMs: 3_000 })];
    bench.pass(1_500);
    expect(renew(bench, one.id)).toMatchObject({ ok: true, lease: { expiresAt: { at: bench.now + 2_000 } } });
    bench.pass(1_500);
    expect(bench.heard('lease.expired')).toMatchObject([{ lease_id: other.id, active_leases: 1 }]);
    expect(renew(bench, other.id)).toMatchObject({ ok: false, refusal: { code: 'LEASE_NOT_FOUND' } });
    bench.pass(500);
    expect(held(bench)).toBe(0);
  });

  it('comes with its time, also where a client is heard before the alarm', () => {
    const bench = serving(1);
    const late = acquire(bench, { ttlMs: 2_000 });
    bench.now += 2_001;
    expect(renew(bench, late.id)).toMatchObject({ ok: false, refusal: { code: 'LEASE_NOT_FOUND' } });
    expect(bench.events).toMatchObject([{ event: 'lease.expired', lease_id: late.id, active_leases: 0 }]);
    const next = acquire(bench, { ttlMs: 2_000 });
    bench.now += 2_000;
    expect(acquire(bench).id).not.toBe(next.id);
    expect(bench.events).toMatchObject([{ event: 'lease.expired', lease_id: next.id }, { event: 'lease.granted' }]);
  });

  it('may be moved by a renewal with another time, which holds for the next ones', () => {
    const bench = serving(4);
    const { id } = acquire(bench, { ttlMs: 1_000 });
    renew(bench, id, 10_000);
    bench.pass(9_000);
    renew(bench, id);
    bench.pass(9_000);
    expect(held(bench)).toBe(1);
  });

  it.each<[string, (bench: Bench) => unknown]>([
    ['crashes', (bench) => bench.exited()],
    ['is stopped', (bench) => bench.ask('stop')],
    ['is restarted', (bench) => bench.ask('restart', { now: true })],
    ['has died, and why is being found out', (bench) => bench.give({ type: 'died', ...bench.of() })],
  ])('is a loss when the engine %s', (_, end) => {
    const bench = serving(4);
    const [one, other] = [acquire(bench), acquire(bench)];
    end(bench);
    expect(bench.heard('lease.lost')).toMatchObject([
      { lease_id: one.id, active_leases: 0, reason: expect.stringMatching(/./) },
      { lease_id: other.id, active_leases: 0 },
    ]);
    expect(renew(bench, one.id)).toMatchObject({ ok: false, refusal: { code: 'LEASE_NOT_FOUND' } });
    expect(release(bench, one.id)).toEqual({ ok: true, lease: null });
    expect(bench.events).toEqual([]);
  });

  it('is told with the request that caused it', () => {
    const bench = serving(4);
    acquire(bench);
    bench.ask('stop', { correlationId: 'c-1' });
    expect(bench.heard('lease.lost')).toMatchObject([{ correlation_id: 'c-1' }]);
  });

  it('of one replica is none of another', () => {
    const bench = serving(4, 2);
    acquire(bench, { replicaId: 'r1' });
    bench.exited();
    expect(held(bench, 'chat/r1' as 'chat/r0')).toBe(1);
  });

  it('is a loss when the supervisor dies, told by the next one', () => {
    const bench = serving(4);
    const lease = acquire(bench, { holder: 'router' });
    const { state, events } = restoredFrom(written(bench.state, bench.now), bench.state);
    expect(state.leases.size).toBe(0);
    expect(events).toContainEqual(expect.objectContaining({ event: 'lease.lost', lease_id: lease.id, holder: 'router' }));
  });
});

it('each lease ends once, counts are never negative, and no replica has more than its slots, whatever happens', () => {
  const move = fc.oneof(
    fc.record({ do: fc.constant('acquire' as const), ttlMs: fc.integer({ min: 1, max: 9_000 }) }),
    fc.record({ do: fc.constantFrom('release' as const, 'renew' as const), which: fc.nat(20) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
    fc.record({ do: fc.constantFrom('crash' as const, 'stop' as const, 'start' as const) }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const bench = serving(3);
      const granted: string[] = [];
      for (const each of moves) {
        if (each.do === 'acquire') {
          const answer = bench.lease(wish({ ttlMs: each.ttlMs }));
          if (answer.ok && answer.lease !== null) granted.push(answer.lease.id);
        } else if (each.do === 'release') release(bench, granted[each.which % Math.max(1, granted.length)] ?? 'none');
        else if (each.do === 'renew') renew(bench, granted[each.which % Math.max(1, granted.length)] ?? 'none');
        else if (each.do === 'pass') bench.pass(each.ms);
        else if (each.do === 'crash' && 'engine' in bench.replica().life) bench.exited();
        else if (each.do !== 'crash') bench.ask(each.do);
        const { active_leases, slots_free, ready } = bench.view();
        expect(active_leases).toBeGreaterThanOrEqual(0);
        expect(active_leases).toBeLessThanOrEqual(3);
        expect(slots_free).toBe(ready ? 3 - active_leases : 0);
      }
      bench.pass(10_000);
      const ends = (['lease.released', 'lease.expired', 'lease.lost'] as const).flatMap((name) => bench.heard(name));
      expect(ends.map(({ lease_id }) => lease_id).sort()).toEqual([...granted].sort());
    }),
  );
});

it('100,000 pairs leave nothing behind', () => {
  let { state } = serving(4);
  let ids = 0;
  const context = { now: 1_000, wallMs: 1e12, rand: () => 0.5, id: () => `id${++ids}` };
  for (let n = 0; n < 100_000; n += 1) {
    const granted = step(state, wish(), context);
    if (!('lease' in (granted.answer ?? {})) || granted.state.leases.size !== 1)
      throw new Error(`no lease: ${JSON.stringify(granted.answer)}`);
    const [id = ''] = granted.state.leases.keys();
    state = step(granted.state, { type: 'lease-released', id, correlationId: null }, context).state;
  }
  expect(ids).toBeGreaterThanOrEqual(100_000);
  expect([state.leases.size, state.operations.size]).toEqual([0, 0]);
});
