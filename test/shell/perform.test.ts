import { expect, test } from 'vitest';
import { initialState } from '../../src/core/initial.js';
import { launchOf } from '../../src/core/launching.js';
import type { Effect } from '../../src/core/messages.js';
import { type Hands, makePerform } from '../../src/shell/perform.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';

const inventory = inventoryOf(poolSpec('chat', 2));
const [spec] = inventory.pools;
const devices = { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 } as const;
const state = initialState({ inventory, named: [], devices, exitOnAllFailed: false, now: 0 });

function launch(index: number) {
  const replica = state.pools.get('chat')?.replicas[index];
  if (replica === undefined || spec === undefined) throw new RangeError(`no replica ${index}`);
  return launchOf(
    replica,
    { devices: [], port: 18_100 + index, short: null, hostClaimedBytes: 0, advice: null },
    { spec, supervisor: inventory.supervisor },
    `i${index}`,
  );
}

function withResolvers() {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Hands that note what they do; the disk answers when it is told to. */
function notedHands() {
  const done: string[] = [];
  const disk = withResolvers();
  const hands: Pick<Hands, 'record' | 'touch' | 'signal' | 'writeHandoff' | 'removeHandoff'> = {
    record: () => {
      done.push('record');
      return disk.promise;
    },
    touch: () => void done.push('touch'),
    signal: ({ key }, _, rung) => void done.push(`${rung} ${key}`),
    writeHandoff: ({ key }) => void done.push(`write ${key}`),
    removeHandoff: (key) => void done.push(`remove ${key}`),
  };
  return { done, disk, perform: makePerform(hands as Hands) };
}

test('a handoff file does not wait for the disk on account of another replica: it is as it must be before anything is told', async () => {
  const { done, disk, perform } = notedHands();
  const [first, second] = [launch(0), launch(1)];
  const identity = { pid: 1, startTicks: 1, instance: 'i1', logOffset: 0 };
  const description = { engineVersion: null, slotsTotal: null, ctxMax: null };
  // A restart turns from the first, which is ready, to the second.
  const effects: readonly Effect[] = [
    { type: 'write-handoff', launch: first, facts: { url: 'http://127.0.0.1:18100', pid: 7, description, readyAtWallMs: 0 } },
    { type: 'record' },
    { type: 'remove-handoff', key: second.key },
    { type: 'signal', launch: second, identity, rung: 'term', ordered: true },
  ];
  perform(effects, () => undefined);
  expect(done).toEqual(['write chat/r0', 'record', 'remove chat/r1']);
  disk.resolve();
  await disk.promise;
  await new Promise(setImmediate);
  expect(done).toEqual(['write chat/r0', 'record', 'remove chat/r1', 'term chat/r1']);
});

test('what nobody waits for is written down together with what comes after it', () => {
  const { done, perform } = notedHands();
  const first = launch(0);
  const description = { engineVersion: null, slotsTotal: null, ctxMax: null };
  const facts = { url: 'http://127.0.0.1:18100', pid: 7, description, readyAtWallMs: 0 };
  perform([{ type: 'write-handoff', launch: first, facts }, { type: 'record' }], () => undefined);
  expect(done).toEqual(['write chat/r0', 'touch']);
});
