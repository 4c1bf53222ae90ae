/**
 * The state diagram, found by asking the table itself: from a replica that rests, every fact in all its kinds is given to every replica that
 * comes of it, until nothing new comes. What it lists has happened; nobody draws it.
 */

import { type Fact, turn } from '../../src/core/engine.js';
import type { ExitEvidence, Obstacle, ProbeResult } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { Life, Replica, StateName } from '../../src/core/state.js';
import type { Scene } from '../../src/core/turn.js';
import { beginning, inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';

/** From, to, and the facts that lead there. */
export type Transition = { readonly from: StateName; readonly to: StateName; readonly facts: readonly string[] };

type Place = { readonly replica: Replica; readonly now: number };

/** In the order of the table, and of its columns. */
export function transitions(): readonly Transition[] {
  const found = new Map<string, Transition>();
  for (const spec of specs()) explore(spec, (from, to, fact) => add(found, from, to, fact));
  return [...found.values()].sort(
    (a, b) => order.indexOf(a.from) - order.indexOf(b.from) || order.indexOf(a.to) - order.indexOf(b.to),
  );
}

/** A table of text, as it stands in HACKING.md. */
export function diagram(found = transitions()): string {
  const rows = found.map(({ from, to, facts }, at, all) => [all[at - 1]?.from === from ? '' : from, to, facts.join(', ')]);
  return [['state', 'becomes', 'on'], ...rows]
    .map(([from = '', to = '', on = '']) => `${from.padEnd(11)}${to.padEnd(11)}${on}`)
    .join('\n');
}

/** Complete by its type. */
const states: Readonly<Record<StateName, true>> = {
  stopped: true,
  preparing: true,
  starting: true,
  ready: true,
  unhealthy: true,
  stopping: true,
  backoff: true,
  failed: true,
  stuck: true,
};
const order = Object.keys(states);
/** Complete by its type, in the order of the table. */
const facts: Readonly<Record<Fact['type'], true>> = {
  start: true,
  stop: true,
  restart: true,
  kill: true,
  admitted: true,
  checked: true,
  spawned: true,
  exited: true,
  swept: true,
  probed: true,
  polled: true,
  woke: true,
};
const columns = Object.keys(facts);

/** Every policy that decides where an exit or a start leads. */
function specs(): readonly PoolSpec[] {
  const base = poolSpec('chat', 1);
  const health = { ...base.health, failureThreshold: 1 };
  return (['on-failure', 'always', 'never'] as const).flatMap((policy) =>
    (['auto', 'none'] as const).map((path) => ({
      ...base,
      health: { ...health, path },
      restart: { ...base.restart, policy },
    })),
  );
}

function explore(spec: PoolSpec, told: (from: StateName, to: StateName, fact: Fact['type']) => void): void {
  const known = new Set<string>();
  const open = starts(spec);
  for (let place = open.shift(); place !== undefined; place = open.shift()) {
    const id = kindOf(place.replica);
    if (known.has(id)) continue;
    known.add(id);
    for (const afterMs of waitsMs) {
      const scene = sceneAt(place.now + afterMs, spec);
      for (const fact of factsFor(place.replica)) {
        const { replica } = turn(place.replica, fact, scene);
        told(place.replica.life.state, replica.life.state, fact.type);
        if (replica !== place.replica) open.push({ replica, now: scene.now });
      }
    }
  }
}

/** At once; when probes, waits and graces are due; when every deadline has passed. */
const waitsMs = [0, 5_000, 3_600_000];

/** A replica that is wanted, and one that is not. */
function starts(spec: PoolSpec): Place[] {
  const replica = beginning({ inventory: inventoryOf(spec), now: 0 }).pools.get(spec.poolId)?.replicas[0];
  if (replica === undefined) throw new Error('no replica to begin with');
  return (['up', 'down'] as const).map((goal) => ({
    replica: { ...replica, goal, life: { state: 'stopped', why: null } },
    now: 0,
  }));
}

/** What decides which way it goes from here; times and counts do not. */
function kindOf({ goal, portProven, life }: Replica): string {
  const parts: (keyof Life | 'phase' | 'rung' | 'cause')[] = ['state', 'phase', 'rung', 'cause'];
  const shown = parts.map((part) => (part in life ? String(life[part as keyof Life]) : ''));
  const intent = 'intent' in life ? JSON.stringify(life.intent, (key, value) => (/At$|Ms$/.test(key) ? 0 : value)) : '';
  const exit = 'exit' in life ? JSON.stringify(life.exit) : '';
  const probing = 'probing' in life ? String(life.probing.at === null) : '';
  return [...shown, goal, portProven, intent, exit, probing].join('|');
}

function sceneAt(now: number, spec: PoolSpec): Scene {
  return { spec, supervisor: supervisorSpec, correlationId: null, now, wallMs: now, rand: () => 0.5, id: () => 'instance' };
}

function factsFor({ key, incarnation, checks }: Replica): readonly Fact[] {
  const of = { key, incarnation };
  const obstacles: readonly (readonly Obstacle[])[] = [
    [],
    [{ what: 'port', text: 'taken' }],
    [{ what: 'memory', text: 'full' }],
    [{ what: 'program', text: 'missing' }],
  ];
  const exits: readonly ExitEvidence[] = [
    { code: 0, signal: null, spawnError: null, lastLines: [] },
    { code: 1, signal: null, spawnError: null, lastLines: [] },
    { code: null, signal: null, spawnError: { errno: 'EAGAIN', text: 'no process' }, lastLines: [] },
    { code: null, signal: null, spawnError: { errno: 'ENOENT', text: 'no program' }, lastLines: [] },
  ];
  const probe: Omit<ProbeResult, 'verdict'> = { detail: 'x', listener: 'ours', holder: null, progress: null, description: null };
  return [
    { type: 'start' },
    { type: 'stop' },
    { type: 'restart' },
    { type: 'kill' },
    { type: 'admitted', means: { ok: true, value: { devices: [], port: 18_100 } } },
    { type: 'admitted', means: { ok: false, error: 'no device' } },
    ...obstacles.map(
      (found): Fact => ({
        type: 'checked',
        key,
        check: checks,
        obstacles: found,
        startupDeadlineMs: 60_000,
        portKnownFree: true,
      }),
    ),
    { type: 'spawned', ...of, identity: { pid: 1, startTicks: 1, instance: 'instance' } },
    ...exits.flatMap((exit) => [true, false].map((empty): Fact => ({ type: 'exited', ...of, exit, empty }))),
    { type: 'swept', ...of, left: [] },
    { type: 'swept', ...of, left: [1] },
    ...(['ok', 'loading', 'failed', 'unknown'] as const).map(
      (verdict): Fact => ({ type: 'probed', ...of, result: { ...probe, verdict } }),
    ),
    { type: 'polled', ...of, inflight: 1, canTell: true },
    { type: 'woke' },
  ];
}

function add(found: Map<string, Transition>, from: StateName, to: StateName, fact: string): void {
  if (from === to) return;
  const id = `${from} ${to}`;
  const all = new Set([...(found.get(id)?.facts ?? []), fact]);
  found.set(id, { from, to, facts: columns.filter((column) => all.has(column)) });
}
