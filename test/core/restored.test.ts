/** What a supervisor must not lose when it dies at the worst of moments; each was found by the simulator. */

import { expect, test } from 'vitest';
import type { Input } from '../../src/core/messages.js';
import { recorded } from '../../src/core/record.js';
import { type Restored, restore } from '../../src/core/restore.js';
import type { Restoring } from '../../src/core/resume.js';
import type { State } from '../../src/core/state.js';
import { type Step, step } from '../../src/core/step.js';
import { exitOf, identityOf } from '../rig/facts.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

const key = 'chat/r0';
const stopAll: Input = { type: 'requested', verb: 'stop', poolId: 'chat', replicaId: null, correlationId: null };
const inventory = inventoryOf(poolSpec('chat', 2));
/** One loads at a time, so the second waits for the first. */
const slow = { ...inventory, supervisor: { ...inventory.supervisor, loads: { perDevice: 1, total: 1 } } };

test('the port of a launch that is being looked for is not given to another replica', () => {
  const { state } = at(1_000, beginning({ inventory: slow, now: 0 }), { type: 'woke' });
  const restored = died(state, 2_000);
  expect(restored.effects).toMatchObject([{ type: 'seek', launch: { key: 'chat/r0', port: 18_100 } }]);
  const { effects } = at(2_000, restored.state, { type: 'woke' });
  expect(effects).toMatchObject([{ type: 'check', launch: { key: 'chat/r1', port: 18_101 } }, { type: 'record' }]);
});

test('a restart that is ordered and not yet counted is counted by the next supervisor, for ever and for storms', () => {
  const { state } = crashed({ inventory, now: 60_000 });
  const { state: checking, effects } = at(62_000, state, { type: 'woke' });
  expect(effects).toMatchObject([{ type: 'check', launch: { key: 'chat/r0', incarnation: 2 } }, { type: 'record' }]);
  const restored = died(checking, 63_000);
  const [first, second] = replicasOf(restored.state);
  expect(first).toMatchObject({
    incarnation: 2,
    restartCount: 1,
    restartsTotal: 1,
    life: { state: 'preparing', cause: 'crash' },
  });
  expect(second).toMatchObject({ restartsTotal: 0 });
  expect(restored.state.pools.get('chat')?.restarts).toMatchObject([{ at: { at: 63_000 } }]);
});

test('a restart that waits for its turn is one for the next supervisor too', () => {
  const { state } = crashed({ inventory: slow, now: 60_000 });
  const { state: queued, effects } = at(62_000, state, { type: 'woke' });
  expect(effects).toEqual([]);
  expect(replicasOf(died(queued, 63_000).state)[0]?.life).toMatchObject({ phase: 'queued', cause: 'crash' });
});

test('who had left the group of a dead engine is looked for by the next supervisor before it launches', () => {
  const { state } = crashed({ inventory, now: 60_000 });
  const stray = { type: 'sweep', launch: { key: 'chat/r0', incarnation: 1 }, identity: { pid: 7 }, mode: 'strays' };
  const next = died(state, 60_010);
  expect(next.effects).toMatchObject([stray, { type: 'seek', launch: { key: 'chat/r1' } }]);
  expect(died(next.state, 60_020).effects).toMatchObject([stray, { type: 'seek', launch: { key: 'chat/r1' } }]);
  // Nothing is launched before they have been: beside a successor one would not be told from the other.
  const { state: waiting, effects } = at(62_000, next.state, { type: 'woke' });
  expect(effects).toEqual([]);
  expect(at(62_001, waiting, { type: 'swept', key: 'chat/r0', incarnation: 1, left: [] }).effects).toMatchObject([
    { type: 'check', launch: { key: 'chat/r0', incarnation: 2 } },
    { type: 'record' },
  ]);
});

test('an engine that would not die, even at a clean end, is not launched beside by the next supervisor', () => {
  const { state } = at(61_000, launched({ inventory, now: 60_000 }), stopAll);
  // Its grace passes, and five seconds after SIGKILL it lives.
  const stuck = [66_000, 71_000].reduce((before, now) => at(now, before, { type: 'woke' }).state, state);
  expect(replicasOf(stuck)[0]?.life.state).toBe('stuck');
  const next = died(stuck, 80_000, { clean: true });
  expect(replicasOf(next.state)[0]?.life).toMatchObject({ state: 'stopping', intent: { kind: 'replaced' } });
  expect(next.effects).toMatchObject([{ type: 'adopt' }, { type: 'record' }, { type: 'signal', launch: { incarnation: 1 } }]);
  expect(at(80_000, next.state, { type: 'woke' }).effects).toEqual([]);
  // After another boot nobody is left of it.
  expect(replicasOf(died(stuck, 80_000, { clean: true, sameBoot: false }).state)[0]?.life).toMatchObject({ phase: 'queued' });
});

test('an engine that was loading has ten seconds to answer from when it is met, however long the disk kept it waiting', () => {
  const { state } = died(launched({ inventory, now: 60_000 }), 300_000);
  const met = at(309_000, state, { type: 'adopted', key, incarnation: 1 });
  const probed = at(309_000, met.state, { type: 'woke' });
  expect(probed.effects).toMatchObject([{ type: 'probe', launch: { key } }]);
  expect(replicasOf(at(318_999, probed.state, { type: 'woke' }).state)[0]?.life.state).toBe('starting');
});

/** chat/r0 was launched and has died; chat/r1 is loading, or still being checked. */
function crashed({ inventory: of, now }: { readonly inventory: typeof inventory; readonly now: number }): Step {
  return at(now, launched({ inventory: of, now }), { type: 'exited', key, incarnation: 1, exit: exitOf(), empty: true });
}

function launched({ inventory: of, now }: { readonly inventory: typeof inventory; readonly now: number }): State {
  const inputs: readonly Input[] = [
    { type: 'woke' },
    {
      type: 'checked',
      key,
      check: 1,
      obstacles: [],
      startupDeadlineMs: 60_000,
      portKnownFree: true,
      modelBytes: null,
      listed: true,
    },
    { type: 'spawned', key, incarnation: 1, identity: identityOf(7, 'i') },
  ];
  return inputs.reduce((state, input) => at(now, state, input).state, beginning({ inventory: of, now }));
}

const replicasOf = (state: State) => state.pools.get('chat')?.replicas ?? [];

function at(now: number, state: State, input: Input): Step {
  return step(state, input, { now, wallMs: now, rand: () => 0.5, id: () => `i${now}` });
}

/** The supervisor of `state` has been killed; the next one begins. */
function died(state: State, now: number, more: Partial<Restoring> = {}): Restored {
  const record = recorded(state, ({ poolId }) => poolId, { at: now, wallMs: now });
  return restore({
    record: JSON.parse(JSON.stringify(record)),
    ...{ clean: false, sameBoot: true, inventory, named: [], exitOnAllFailed: false, now, wallMs: now },
    devices: { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 },
    entryOf: ({ poolId }) => poolId,
    ...more,
  });
}
