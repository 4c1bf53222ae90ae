import { expect, it, onTestFinished } from 'vitest';
import type { Event } from '../../src/core/events.js';
import type { ExitEvidence } from '../../src/core/facts.js';
import type { HandoffFacts, Launch } from '../../src/core/messages.js';
import { systemClock } from '../../src/shell/clock.js';
import { type Hands, makePerform } from '../../src/shell/perform.js';
import { makeRuntime, type Runtime } from '../../src/shell/runtime.js';
import { identityOf, killedBy, probeResult } from '../rig/facts.js';
import { begun, inventoryOf, poolSpec } from '../rig/specs.js';

/** Hands that act on paper: what was done, in order, and levers for the outcomes. */
function paperHands() {
  const done: string[] = [];
  const recorded: (() => void)[] = [];
  const exits: ((exit: ExitEvidence, empty: boolean) => void)[] = [];
  const handoffs = new Map<string, HandoffFacts>();
  const hands: Hands = {
    touch: () => {},
    record: () => new Promise((resolve) => recorded.push(() => resolve(void done.push('recorded')))),
    verify: async () => ({ obstacles: [], name: null, about: null, modelBytes: null, hostTotalBytes: null }),
    check: async () => ({ obstacles: [], startupDeadlineMs: 60_000, portKnownFree: true, modelBytes: null, listed: true }),
    spawn: async ({ instance }, { exited }) => {
      done.push('spawn');
      exits.push(exited);
      return { ok: true, value: identityOf(4_000 + exits.length, instance) };
    },
    seek: async () => null,
    adopt: async () => false,
    probe: async () => probeResult(),
    generate: async () => ({ verdict: 'unknown', detail: 'not asked' }),
    poll: async () => ({ inflight: 0, canTell: true, counters: null }),
    observe: async () => ({ devices: [], tool: 'none', note: null, processes: null, askedAt: 0 }),
    signal: (_, { pid }, rung) => void done.push(`${rung} ${pid}`),
    sweep: async () => [],
    writeHandoff: ({ key }: Launch, facts) => void handoffs.set(key, facts),
    removeHandoff: (key) => void handoffs.delete(key),
    end: (exit) => void done.push(`end ${exit}`),
  };
  const settleDisk = (): void => {
    for (const resolve of recorded.splice(0)) resolve();
  };
  return { hands, done, exits, handoffs, recorded, settleDisk };
}

function start(hands: Hands): Runtime {
  const clock = systemClock();
  const restored = begun({ inventory: inventoryOf(poolSpec('chat', 1)), now: clock.now() });
  const runtime = makeRuntime(restored, clock, makePerform(hands));
  onTestFinished(() => runtime.close());
  return runtime;
}

const told = (runtime: Runtime, name: Event['event']) =>
  new Promise<Event>((resolve) => {
    const end = runtime.onEvent((event) => {
      if (event.event !== name) return;
      end();
      resolve(event);
    });
  });

it('spawns only after the intent is on disk, has the handoff file before ready is told, and ends when the engine has', async () => {
  const paper = paperHands();
  const runtime = start(paper.hands);
  const ready = told(runtime, 'replica.ready').then(() => paper.handoffs.get('chat/r0')?.url);
  const starting = told(runtime, 'replica.starting');
  runtime.give({ type: 'woke' });
  while (paper.recorded.length === 0) await new Promise(setImmediate);
  expect(paper.done).toEqual([]);
  paper.settleDisk();
  await starting;
  expect(paper.done.slice(0, 2)).toEqual(['recorded', 'spawn']);
  paper.settleDisk();
  expect(await ready).toBe('http://127.0.0.1:18100');
  paper.settleDisk();

  const crashed = told(runtime, 'replica.crashed').then(() => paper.handoffs.has('chat/r0'));
  paper.exits[0]?.(killedBy('SIGKILL'), true);
  expect(await crashed).toBe(false);

  const answer = runtime.give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null });
  expect(answer).toMatchObject({ ok: true });
  while (paper.recorded.length > 0) {
    paper.settleDisk();
    await new Promise(setImmediate);
  }
  expect(paper.done.at(-1)).toBe('end 0');
});

it('takes nothing after its end, so that a late answer of an engine that is kept arms no alarm', () => {
  const alarms: (number | null)[] = [];
  const clock = { now: () => 0, wallMs: () => 0, lagMs: () => 0, alarm: (at: number | null) => void alarms.push(at) };
  const restored = begun({ inventory: inventoryOf(poolSpec('chat', 1)), now: 0 });
  const runtime = makeRuntime(restored, clock, () => {});
  runtime.give({ type: 'woke' });
  const { length } = alarms;
  runtime.close();
  expect(runtime.give({ type: 'probed', key: 'chat/r0', incarnation: 1, result: probeResult() })).toBeNull();
  expect(alarms.slice(length)).toEqual([null]);
});
