/**
 * The state diagram, found by asking the table itself: from a replica that rests, every fact in all its kinds is given to every replica that
 * comes of it, until nothing new comes. What it lists has happened; nobody draws it.
 */

import { openOnes } from '../../src/core/breakers.js';
import { type Fact, turn } from '../../src/core/engine.js';
import type { ExitEvidence, Obstacle } from '../../src/core/facts.js';
import type { Intent, Life, StateName } from '../../src/core/life.js';
import type { PoolSpec, RestartPolicy } from '../../src/core/model.js';
import type { Replica } from '../../src/core/replica.js';
import type { Scene } from '../../src/core/turn.js';
import { diagnosisOf, exitOf, identityOf, probeResult, unmade } from '../rig/facts.js';
import { launchOf } from '../rig/launch.js';
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
  draining: true,
  stopping: true,
  backoff: true,
  broken: true,
  failed: true,
  stuck: true,
};
const order = Object.keys(states);
/** Complete by its type, in the order of the table. */
const facts: Readonly<Record<Fact['type'], true>> = {
  start: true,
  stop: true,
  restart: true,
  drain: true,
  kill: true,
  reset: true,
  admitted: true,
  held: true,
  tripped: true,
  switch: true,
  revert: true,
  checked: true,
  staging: true,
  spawned: true,
  unspawned: true,
  adopted: true,
  died: true,
  exited: true,
  swept: true,
  probed: true,
  polled: true,
  generated: true,
  alarmed: true,
  offloaded: true,
  seen: true,
  idle: true,
  woke: true,
};
const columns = Object.keys(facts);

/** Every policy that decides where an exit or a start leads, with breakers that open at once and such that do not. */
function specs(): readonly PoolSpec[] {
  const base = poolSpec('chat', 1);
  const health = { ...base.health, failureThreshold: 1, generate: { everyMs: 5_000, timeoutMs: 1_000 } };
  const spec = (policy: RestartPolicy, path: 'auto' | 'none', threshold: number): PoolSpec => ({
    ...base,
    health: { ...health, path },
    restart: { ...base.restart, policy, breaker: { ...base.restart.breaker, threshold, cudaThreshold: threshold } },
  });
  return [
    ...(['on-failure', 'always', 'never'] as const).flatMap((policy) => [spec(policy, 'auto', 5), spec(policy, 'none', 5)]),
    spec('on-failure', 'auto', 1),
  ];
}

function explore(spec: PoolSpec, told: (from: StateName, to: StateName, fact: Fact['type']) => void): void {
  const known = new Set<string>();
  const open: Place[] = [];
  const reach = (place: Place): void => {
    const id = kindOf(place.replica);
    if (!known.has(id)) open.push(place);
    known.add(id);
  };
  for (const place of starts(spec)) reach(place);
  for (let place = open.shift(); place !== undefined; place = open.shift()) {
    for (const afterMs of waitsMs) {
      const scene = sceneAt(place.now + afterMs, spec);
      const facts = factsFor(place.replica).map((fact) => [place.replica, fact] as const);
      for (const [before, fact] of [...facts, [justProbed(place.replica, scene.now), { type: 'woke' }] as const]) {
        const { replica } = turn(before, fact, scene);
        told(before.life.state, replica.life.state, fact.type);
        if (replica !== before) reach({ replica, now: scene.now });
      }
    }
  }
}

/** As it is under a supervisor that was there all the time: deadlines are judged by a recent probe only. */
function justProbed(replica: Replica, now: number): Replica {
  const { life } = replica;
  return 'probing' in life ? { ...replica, life: { ...life, probing: { ...life.probing, startedAt: now } } } : replica;
}

/** At once; when probes, waits and graces are due; when every deadline has passed. */
const waitsMs = [0, 5_000, 3_600_000];

/** A replica that is wanted, one that is not, and what an earlier supervisor leaves of either. */
function starts(spec: PoolSpec): Place[] {
  const replica = beginning({ inventory: inventoryOf(spec), now: 0 }).pools.get(spec.poolId)?.replicas[0];
  if (replica === undefined) throw new Error('no replica to begin with');
  return (['up', 'down'] as const).flatMap((goal) =>
    [{ state: 'stopped', why: null } as const, ...(goal === 'up' ? inherited(spec) : [])].map((life) => ({
      replica: { ...replica, goal, life },
      now: 0,
    })),
  );
}

/** A launch that was only written down, and an engine that served: to be taken over, or not. */
function inherited(spec: PoolSpec): readonly Life[] {
  const launch = launchOf(spec, [], { incarnation: 0, instance: 'instance' });
  const written = { state: 'preparing', cause: 'start', since: 0, phase: 'spawning', launch } as const;
  const description = { engineVersion: null, slotsTotal: null, ctxMax: null };
  const served: Extract<Life, { state: 'starting' }> = {
    state: 'starting',
    engine: { launch, identity: identityOf(1, 'instance'), startedAt: { at: 0, wallMs: 0 }, version: null, adopted: true },
    deadline: Number.POSITIVE_INFINITY,
    lastDeadline: Number.POSITIVE_INFINITY,
    startupDeadlineMs: 0,
    portKnownFree: true,
    toldSlots: null,
    probing: { at: null, startedAt: 0 },
    progress: null,
    resumed: { readyAt: { at: 0, wallMs: 0 }, description, rewards: null },
    misses: 0,
    healthySince: null,
    detail: null,
  };
  return [
    ...[null, 'it has changed'].map((refusal) => ({
      ...written,
      startupDeadlineMs: 60_000,
      portKnownFree: false,
      toldSlots: null,
      sought: { refusal, entry: 'as written' },
    })),
    served,
  ];
}

/** What decides which way it goes from here; times and counts do not. */
function kindOf({ goal, portProven, breakers, life }: Replica): string {
  const parts: (keyof Life | 'phase' | 'rung' | 'cause' | 'dead')[] = ['state', 'phase', 'rung', 'cause', 'dead'];
  const shown = parts.map((part) => (part in life ? String(life[part as keyof Life]) : ''));
  const probing = 'probing' in life ? String(life.probing.at === null) : '';
  const sickness = 'sickness' in life ? life.sickness.kind : '';
  const ending = 'intent' in life ? [intentOf(life.intent), life.exit === null] : [];
  const inherits = ['sought' in life && life.sought !== null, 'resumed' in life && life.resumed !== null];
  return [...shown, goal, portProven, probing, sickness, ...ending, ...inherits, openOnes(breakers).length > 0].join('|');
}

function intentOf(intent: Intent): string {
  if (intent.kind !== 'crashed') return intent.kind;
  const { exit, wasReady } = intent;
  return [intent.kind, wasReady, exit?.code, exit?.diagnosis?.class, exit?.spawnError?.errno, exit === null].join(' ');
}

/** What a reload may give back. */
const rests: readonly Extract<Fact, { type: 'revert' }>['life'][] = [
  { state: 'stopped', why: null },
  { state: 'failed', why: 'no model' },
  { state: 'backoff', cause: 'crash', why: 'it crashed', retry: { at: { at: 9e9, wallMs: 9e9 }, delayMs: 1_000, attempt: 1 } },
  { state: 'broken', cause: 'crash', why: 'it crashed', retryAt: { at: 9e9, wallMs: 9e9 } },
];

function sceneAt(now: number, spec: PoolSpec): Scene {
  return {
    spec,
    supervisor: supervisorSpec,
    leases: 0,
    minHealthyMs: 0,
    asked: 'operator',
    correlationId: null,
    now,
    wallMs: now,
    rand: () => 0.5,
    id: () => 'instance',
  };
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
    exitOf({ code: 0 }),
    exitOf(),
    exitOf({ diagnosis: diagnosisOf('config') }),
    exitOf({ diagnosis: diagnosisOf('driver', { cure: 'reboot' }) }),
    unmade('EAGAIN', 'no process'),
    unmade('ENOENT', 'no program'),
  ];
  const alarm = { class: 'gpu_error', subclass: 'x', line: 1, text: 'CUDA error' } as const;
  return [
    { type: 'start' },
    { type: 'stop' },
    { type: 'restart', drainMs: null },
    { type: 'restart', drainMs: 60_000 },
    { type: 'drain', deadlineMs: 60_000, extend: false },
    { type: 'kill' },
    { type: 'reset', once: false },
    { type: 'reset', once: true },
    {
      type: 'admitted',
      means: { ok: true, value: { devices: [], port: 18_100, short: null, hostClaimedBytes: 0, advice: null } },
    },
    { type: 'admitted', means: { ok: false, error: { what: 'device', text: 'no device' } } },
    { type: 'held', until: 9e9, why: 'a storm' },
    { type: 'tripped', breaker: 'general', why: 'a storm' },
    { type: 'tripped', breaker: 'cuda', why: 'a storm' },
    ...obstacles.map(
      (found): Fact => ({
        type: 'checked',
        key,
        check: checks,
        obstacles: found,
        startupDeadlineMs: 60_000,
        portKnownFree: true,
        modelBytes: null,
        listed: true,
      }),
    ),
    {
      type: 'staging',
      key,
      check: checks,
      staging: { file: 'm', doing: 'fetch', doneBytes: 1, totalBytes: 2, leftMs: 1, note: null, shared: false },
    },
    { type: 'spawned', ...of, identity: identityOf(1, 'instance') },
    { type: 'unspawned', ...of },
    { type: 'adopted', ...of },
    { type: 'died', ...of },
    ...exits.flatMap((exit) => [true, false].map((empty): Fact => ({ type: 'exited', ...of, exit, empty }))),
    { type: 'swept', ...of, left: [] },
    { type: 'swept', ...of, left: [1] },
    ...(['ok', 'loading', 'failed', 'unknown'] as const).map(
      (verdict): Fact => ({ type: 'probed', ...of, result: probeResult({ verdict }) }),
    ),
    { type: 'polled', ...of, inflight: 1, canTell: true, counters: null },
    { type: 'polled', ...of, inflight: 0, canTell: true, counters: null },
    ...(['ok', 'failed', 'unknown'] as const).map((verdict): Fact => ({ type: 'generated', ...of, verdict, detail: 'x' })),
    ...(['sticky', 'suspect'] as const).map((kind): Fact => ({ type: 'alarmed', ...of, alarm: { ...alarm, kind } })),
    { type: 'offloaded', ...of, offload: { layers: 20, of: 33 } },
    { type: 'seen', heldBytes: 1, misplaced: 'holds memory on GPU 1' },
    { type: 'idle' },
    { type: 'switch', drainMs: 60_000 },
    ...rests.map((life): Fact => ({ type: 'revert', goal: 'up', life })),
    { type: 'woke' },
  ];
}

function add(found: Map<string, Transition>, from: StateName, to: StateName, fact: string): void {
  if (from === to) return;
  const id = `${from} ${to}`;
  const all = new Set([...(found.get(id)?.facts ?? []), fact]);
  found.set(id, { from, to, facts: columns.filter((column) => all.has(column)) });
}
