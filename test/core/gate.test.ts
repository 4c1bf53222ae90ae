/** When may a replica launch: each reason by itself, and which one is told where there are several. */

import { describe, expect, it, test } from 'vitest';
import { type Block, gate } from '../../src/core/gate.js';
import type { Life } from '../../src/core/life.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { Replica } from '../../src/core/replica.js';
import type { State } from '../../src/core/state.js';
import type { Restart } from '../../src/core/storm.js';
import { identityOf } from '../rig/facts.js';
import { deviceOf, launchOf } from '../rig/launch.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

const now = 100_000;
const gpu = deviceOf('0', { vramFreeBytes: 4 * 2 ** 30 });
const onGpu: Partial<PoolSpec> = { masks: [{ kind: 'list', written: '0', ids: ['0'] }], share: true };
const noVram = { modelBytes: null, learntBytes: null, peak: null, before: null, listed: true };
const moment = (at: number) => ({ at, wallMs: 1e12 + at });
const restartsAt = (...times: number[]): Restart[] => times.map((at) => ({ at: moment(at), class: 'crash' }));
const queued = (cause: 'crash' | 'operator'): Life => ({ state: 'preparing', phase: 'queued', cause, since: now });
const open = (at: number) => ({ state: 'open', failures: 5, openForMs: 1, retryAt: moment(at) }) as const;
const backoff = (at: number): Life => ({
  state: 'backoff',
  cause: 'crash',
  why: 'it crashed',
  retry: { at: moment(at), delayMs: 1, attempt: 1 },
});
const leftover = {
  key: 'old/r0',
  incarnation: 1,
  instance: 'i',
  identity: null,
  startedAt: moment(0),
  devices: [],
  port: 1,
} as const;

type Scene = {
  readonly chat?: Partial<Replica>;
  readonly code?: Partial<Replica>;
  readonly restarts?: readonly Restart[];
  readonly state?: Partial<State>;
};

/** Two pools with one replica each on the same GPU; the gate of chat/r0. */
function asked({ chat = {}, code = {}, restarts = [], state = {} }: Scene) {
  const inventory = inventoryOf(poolSpec('chat', 1, onGpu), poolSpec('code', 1, onGpu));
  const begun = beginning({
    inventory,
    now,
    devices: { devices: [gpu], tool: 'working', note: null, processes: null, askedAt: 0 },
  });
  const [first, second] = [...begun.pools.values()];
  const [r0, other] = [first?.replicas[0], second?.replicas[0]];
  if (first === undefined || second === undefined || r0 === undefined || other === undefined) throw new Error('no pools');
  const replica = { ...r0, life: queued('crash'), ...chat };
  const pools = new Map([
    ['chat', { ...first, restarts, replicas: [replica] }],
    ['code', { ...second, replicas: [{ ...other, life: { state: 'stopped', why: null } as const, ...code }] }],
  ]);
  return gate(replica, { ...begun, pools, ...state }, now);
}

const engine = {
  launch: launchOf({}, [gpu], { key: 'code/r0' }),
  identity: identityOf(7, 'i'),
  startedAt: moment(0),
  version: null,
  adopted: false,
};
const ending = { engine, exit: null, left: [], sweepAt: null } as const;
const loading: Life = {
  state: 'preparing',
  phase: 'checking',
  cause: 'start',
  since: 0,
  launch: engine.launch,
  staged: null,
  deadline: now,
};
const shutdown = { operationId: 'x', exit: 0, keep: false, goals: new Map() };
const inTime = restartsAt(...Array.from({ length: 10 }, (_, n) => 50_000 + n));

it('is open where nothing holds it back', () => {
  expect(asked({})).toEqual({ open: true });
});

test.each<[Block['because'], number | null, string, Scene]>([
  ['shutdown', null, 'shutting down', { state: { shutdown } }],
  ['goal', null, 'not wanted', { chat: { goal: 'down' } }],
  ['permanent', null, 'no such file', { chat: { life: { state: 'failed', why: 'no such file' } } }],
  ['backoff', now + 7, 'it crashed', { chat: { life: backoff(now + 7) } }],
  [
    'breaker',
    now + 8,
    'open after 5 failures',
    { chat: { breakers: { general: open(now + 8), cuda: { state: 'closed', failures: 0 } } } },
  ],
  [
    'CUDA breaker',
    now + 9,
    'open after 5',
    { chat: { breakers: { cuda: open(now + 9), general: { state: 'closed', failures: 0 } } } },
  ],
  ['storm', 110_000, '10 restarts of chat in 60s', { restarts: inTime }],
  ['device storm', 110_004, '10 restarts on GPU 0 in 60s', { state: { deviceRestarts: new Map([[gpu.uuid, inTime]]) } }],
  [
    'VRAM',
    null,
    'GPU 0 has 4.0 GiB free, 8.0 GiB',
    { chat: { vram: { ...noVram, before: [{ uuid: gpu.uuid, freeBytes: 8 * 2 ** 30 }] } } },
  ],
  ['load slot', null, 'waits to load on GPU 0 behind code/r0', { code: { life: loading } }],
  [
    'leftovers',
    null,
    'are gone: old/r0',
    { state: { leftovers: [{ ...leftover, stop: { signal: 'SIGTERM', graceMs: 1 }, entry: '' }] } },
  ],
  [
    'leftovers',
    null,
    'are gone: code/r0',
    { code: { life: { state: 'stopping', intent: { kind: 'replaced', why: 'x' }, rung: 'term', deadline: 0, ...ending } } },
  ],
])('is shut by %s until %s', (because, until, why, scene) => {
  expect(asked(scene)).toMatchObject({ open: false, because, until, why: expect.stringContaining(why) });
});

describe('of several reasons', () => {
  it('the latest instant wins, and one that nobody can tell is later than all', () => {
    const breakers = { general: open(now + 5_000), cuda: open(now + 6_000) };
    expect(asked({ chat: { breakers }, restarts: inTime })).toMatchObject({ because: 'storm', until: 110_000 });
    const later = { ...breakers, cuda: open(now + 20_000) };
    expect(asked({ chat: { breakers: later }, restarts: inTime })).toMatchObject({ because: 'CUDA breaker' });
    expect(asked({ chat: { breakers: later }, code: { life: loading } })).toMatchObject({ because: 'load slot' });
  });
});

describe('a storm', () => {
  it('does not hold back what somebody asked for', () => {
    const state = { deviceRestarts: new Map([[gpu.uuid, inTime]]) };
    expect(asked({ chat: { life: queued('operator') }, restarts: inTime, state })).toEqual({ open: true });
  });

  it('of a device is made by all pools that touch it, and not by those beside it', () => {
    const six = restartsAt(50_000, 50_001, 50_002, 50_003, 50_004, 50_005);
    expect(asked({ state: { deviceRestarts: new Map([[gpu.uuid, six]]) } })).toMatchObject({
      storm: { kind: 'device', device: gpu.uuid, count: 6, windowMs: 60_000 },
    });
    expect(asked({ state: { deviceRestarts: new Map([['GPU-other', six]]) } })).toEqual({ open: true });
  });
});
