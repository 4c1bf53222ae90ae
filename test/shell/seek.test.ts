import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { initialState } from '../../src/core/initial.js';
import { launchOf } from '../../src/core/launching.js';
import type { Launch } from '../../src/core/messages.js';
import { replicaPaths, supervisorPaths } from '../../src/host/paths.js';
import { readStat } from '../../src/host/proc.js';
import { systemClock } from '../../src/shell/clock.js';
import { type HandsWorld, makeHands } from '../../src/shell/hands.js';
import { noLeaves } from '../../src/shell/leaves.js';
import { runScript, scratchDir } from '../host/scratch.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';

/** Hands of this world, and a launch of which nothing is known but that it was to be made. */
function seeking(world: Partial<HandsWorld>): { readonly hands: ReturnType<typeof makeHands>; readonly launch: Launch } {
  const inventory = inventoryOf(poolSpec('chat', 1));
  const devices = { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 } as const;
  const state = initialState({ inventory, named: [], devices, exitOnAllFailed: false, now: 0 });
  const [spec] = inventory.pools;
  const replica = state.pools.get('chat')?.replicas[0];
  if (spec === undefined || replica === undefined) throw new RangeError('there is no chat/r0');
  const launch = launchOf(
    replica,
    { devices: [], port: 18_100, short: null, hostClaimedBytes: 0, advice: null },
    { spec, supervisor: inventory.supervisor },
    'i',
  );
  const containment = { ...noLeaves, contain: () => [] };
  return { hands: makeHands({ containment, ...world } as HandsWorld), launch };
}

test('who outlives SIGKILL does not keep a replica between two launches for ever', async () => {
  let now = 0;
  let kills = 0;
  const { hands, launch } = seeking({
    paths: supervisorPaths({ stateDir: '/nowhere' }, {}, { cwd: '/', home: '/' }),
    // A second passes between any two looks.
    clock: { now: () => (now += 1_000), wallMs: () => 0, alarm: () => {}, lagMs: () => 0 } as HandsWorld['clock'],
    processes: {
      survivors: async () => [],
      killSurvivors: async () => {
        kills += 1;
        return [4_711];
      },
    } as unknown as HandsWorld['processes'],
  });
  const nobody = () => {
    throw new Error('nobody was found');
  };
  expect(await hands.seek(launch, { died: nobody, exited: nobody, alarmed: nobody, offloaded: nobody })).toBeNull();
  expect(kills).toBeGreaterThan(2);
});

test('an engine that is found again is not blamed for what its predecessors have said', async () => {
  const stateDir = await scratchDir();
  const { log } = replicaPaths(supervisorPaths({ stateDir }, {}, { cwd: '/', home: '/' }), 'chat/r0');
  mkdirSync(dirname(log), { recursive: true });
  const before = '--- poolctl: chat/r0 incarnation 1\nCUDA error: an illegal memory access was encountered\n';
  writeFileSync(log, `${before}--- poolctl: chat/r0 incarnation 2\n`);
  const { pid } = await runScript('echo ready; sleep 60');
  const { hands, launch } = seeking({
    paths: supervisorPaths({ stateDir }, {}, { cwd: '/', home: '/' }),
    clock: systemClock(),
    processes: { survivors: async () => [readStat(pid)] } as unknown as HandsWorld['processes'],
    kernel: { watch: () => {} } as unknown as HandsWorld['kernel'],
    exits: { watch: () => {} } as unknown as HandsWorld['exits'],
    files: { write: () => {} } as unknown as HandsWorld['files'],
    onStorage: () => {},
    limitsOf: () => ({ maxSizeBytes: 1e9, keep: 1 }),
  });
  const ignore = (): void => {};
  const found = await hands.seek(launch, { died: ignore, exited: ignore, alarmed: ignore, offloaded: ignore });
  expect(found).toMatchObject({ pid, logOffset: before.length });
});
