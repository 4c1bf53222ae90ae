import { expect, test } from 'vitest';
import { initialState } from '../../src/core/initial.js';
import { launchOf } from '../../src/core/launching.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { type HandsWorld, makeHands } from '../../src/shell/hands.js';
import { noLeaves } from '../../src/shell/leaves.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';

test('who outlives SIGKILL does not keep a replica between two launches for ever', async () => {
  const inventory = inventoryOf(poolSpec('chat', 1));
  const devices = { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 } as const;
  const state = initialState({ inventory, named: [], devices, exitOnAllFailed: false, now: 0 });
  const [spec] = inventory.pools;
  const replica = state.pools.get('chat')?.replicas[0];
  if (spec === undefined || replica === undefined) throw new RangeError('there is no chat/r0');
  let now = 0;
  let kills = 0;
  const world: Pick<HandsWorld, 'paths' | 'clock' | 'processes' | 'containment'> = {
    paths: supervisorPaths({ stateDir: '/nowhere' }, {}, { cwd: '/', home: '/' }),
    containment: { ...noLeaves, contain: () => [] },
    // A second passes between any two looks.
    clock: { now: () => (now += 1_000), wallMs: () => 0, alarm: () => {}, lagMs: () => 0 } as HandsWorld['clock'],
    processes: {
      survivors: async () => [],
      killSurvivors: async () => {
        kills += 1;
        return [4_711];
      },
    } as unknown as HandsWorld['processes'],
  };
  const launch = launchOf(
    replica,
    { devices: [], port: 18_100, short: null, hostClaimedBytes: 0, advice: null },
    { spec, supervisor: inventory.supervisor },
    'i',
  );
  const hands = makeHands(world as HandsWorld);
  const nobody = () => {
    throw new Error('nobody was found');
  };
  expect(await hands.seek(launch, { died: nobody, exited: nobody, alarmed: nobody, offloaded: nobody })).toBeNull();
  expect(kills).toBeGreaterThan(2);
});
