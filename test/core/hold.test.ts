import { expect, test } from 'vitest';
import { initialState } from '../../src/core/initial.js';
import type { In } from '../../src/core/replica.js';
import { hold } from '../../src/core/rest.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';

test('a wait that a storm makes is told in whole milliseconds, and is not cut short', () => {
  const inventory = inventoryOf(poolSpec('chat', 1));
  const devices = { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 } as const;
  const state = initialState({ inventory, named: [], devices, exitOnAllFailed: false, now: 1_000.25 });
  const [spec] = inventory.pools;
  const replica = state.pools.get('chat')?.replicas[0];
  if (spec === undefined || replica?.life.state !== 'preparing') throw new Error('it begins queued');
  const scene = {
    now: 1_000.25,
    wallMs: 0,
    rand: () => 0,
    id: () => 'i',
    spec,
    supervisor: inventory.supervisor,
    leases: 0,
    minHealthyMs: 0,
    asked: 'operator' as const,
    correlationId: null,
  };
  const { replica: held, events } = hold(replica as In<'preparing'>, { until: 2_000.75, why: 'a storm' }, scene);
  expect(events[0]?.backoff_ms).toBe(1_001);
  expect(held.life).toMatchObject({ state: 'backoff', retry: { at: { at: 2_001.25 } } });
});
