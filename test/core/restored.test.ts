/** What a supervisor must not lose when it dies at the worst of moments; each was found by the simulator. */

import { expect, test } from 'vitest';
import type { Input } from '../../src/core/messages.js';
import { recorded } from '../../src/core/record.js';
import { type Restored, restore } from '../../src/core/restore.js';
import type { State } from '../../src/core/state.js';
import { type Step, step } from '../../src/core/step.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

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

function at(now: number, state: State, input: Input): Step {
  return step(state, input, { now, wallMs: now, rand: () => 0.5, id: () => `i${now}` });
}

/** The supervisor of `state` has been killed; the next one begins. */
function died(state: State, now: number): Restored {
  const record = recorded(state, ({ poolId }) => poolId, { at: now, wallMs: now });
  return restore({
    record: JSON.parse(JSON.stringify(record)),
    ...{ clean: false, sameBoot: true, inventory, named: [], exitOnAllFailed: false, now, wallMs: now },
    devices: { devices: [], tool: 'none', note: null },
    entryOf: ({ poolId }) => poolId,
  });
}
