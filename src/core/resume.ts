/** What becomes of one replica of an earlier supervisor: its engine is met, looked for or ended, and its waits go on. */

import { unseen } from './alone.js';
import { signal } from './ending.js';
import type { Event } from './events.js';
import type { ExitEvidence } from './facts.js';
import { type Beginning, beforeLaunch } from './initial.js';
import { leastMs } from './launching.js';
import type { Engine, Intent, LaunchCause, Life, Resumed } from './life.js';
import type { Effect, Launch } from './messages.js';
import type { Instant, PoolSpec } from './model.js';
import type { RecordedReplica, RecordedState } from './record.js';
import { goingOn } from './remains.js';
import type { Replica } from './replica.js';
import type { RecordedEngine } from './state.js';
import { tell } from './turn.js';
import { reasonOf } from './words.js';

export type Restoring = Beginning & {
  readonly record: RecordedState | null;
  /** The last supervisor ended as asked, with every engine stopped. */
  readonly clean: boolean;
  /** No process outlives the boot that it was started in, and the monotonic clock begins anew. */
  readonly sameBoot: boolean;
  readonly entryOf: (spec: PoolSpec) => string;
  readonly wallMs: number;
};

/** For a launch whose preflight nobody remembers, where the inventory leaves the deadline to the engine. */
const unknownDeadlineMs = 600_000;

export type Resumption = { readonly replica: Replica; readonly effects: readonly Effect[]; readonly events: readonly Event[] };

export function resume(fresh: Replica, kept: RecordedReplica, spec: PoolSpec, restoring: Restoring): Resumption {
  const { named, entryOf, sameBoot } = restoring;
  const asked = named.length > 0;
  const goal = asked ? fresh.goal : kept.goal;
  const replica: Replica = {
    // A changed entry is a new configuration: what the old one earned, a wait or a verdict, is not its own.
    ...(kept.entry === entryOf(spec) ? withHistory(fresh, kept) : fresh),
    goal,
    life: beforeLaunch(goal, restoring.now),
  };
  const changed = kept.entry !== entryOf(spec);
  const { life } = kept;
  switch (life.state) {
    case 'stopped':
      // One that ended by itself stays so, unless it was named now.
      return goal === 'up' && life.why !== null && !asked ? alone(replica, life) : alone(replica);
    case 'failed':
    case 'backoff':
    case 'broken':
      return goal === 'up' && !changed ? alone(replica, life) : alone(replica);
    case 'preparing':
      if (life.intent !== null) return sameBoot ? sought(replica, life.intent, life.cause, spec, restoring) : alone(replica);
      // A restart that waits for its turn stays one: storms hold it back as before.
      return goal === 'up' && !changed && !asked
        ? alone(replica, { state: 'preparing', phase: 'queued', cause: life.cause, since: restoring.now })
        : alone(replica);
    case 'starting':
    case 'serving':
    case 'ending':
      return sameBoot ? met(replica, life, spec, restoring) : alone(replica);
  }
}

export const alone = (replica: Replica, life: Life = replica.life): Resumption => ({
  replica: { ...replica, life },
  effects: [],
  events: [],
});

function withHistory(fresh: Replica, kept: RecordedReplica): Replica {
  const { attempt, obstructed, restartCount, crashCount, lastCrashAt, lastExit, lastError, breakers, repeated, vram } = kept;
  return {
    ...fresh,
    ...{
      attempt,
      obstructed,
      restartCount,
      crashCount,
      lastCrashAt,
      lastExit,
      lastError,
      breakers,
      repeated,
      vram: { ...fresh.vram, ...vram },
    },
  };
}

/** A launch that was written down before its process was: it is looked for, and met or ended when it is found. */
function sought(replica: Replica, intent: RecordedEngine, cause: LaunchCause, spec: PoolSpec, restoring: Restoring): Resumption {
  const launch = launchAgain(intent, replica, spec);
  const { startupDeadlineMs } = spec.health;
  const life: Life = {
    state: 'preparing',
    phase: 'spawning',
    cause,
    since: restoring.now,
    launch,
    startupDeadlineMs: startupDeadlineMs === 'auto' ? unknownDeadlineMs : startupDeadlineMs,
    portKnownFree: false,
    toldSlots: null,
    sought: { refusal: notAdopted(intent, spec, restoring), entry: intent.entry },
  };
  // Its port is taken, should it be found: no other replica may be given it meanwhile.
  return { replica: { ...replica, port: replica.port ?? intent.port, life }, effects: [{ type: 'seek', launch }], events: [] };
}

/** An engine that may still run. It is taken at its word until the shell has looked: what it finds is an input like others. A drain goes on. */
function met(
  replica: Replica,
  life: Extract<RecordedReplica['life'], { engine: RecordedEngine }>,
  spec: PoolSpec,
  restoring: Restoring,
): Resumption {
  const { engine: kept } = life;
  const launch = launchAgain(kept, replica, spec);
  const identity = kept.identity ?? { pid: 0, startTicks: 0, instance: kept.instance, logOffset: 0 };
  const version = life.state === 'serving' ? life.resumed.description.engineVersion : null;
  const engine: Engine = { launch, identity, startedAt: kept.startedAt, version, adopted: true };
  if (life.state === 'ending') return ended(replica, engine, life.intent, life.exit, restoring.now);
  const drained = life.state === 'serving' && life.resumed.drainBy != null;
  if (replica.goal === 'down' && !drained) return ended(replica, engine, { kind: 'asked' }, null, restoring.now);
  const refusal = notAdopted(kept, spec, restoring);
  if (refusal !== null) return ended(replica, engine, { kind: 'replaced', why: refusal }, null, restoring.now);
  const waiting =
    life.state === 'serving'
      ? again(engine, null, goingOn(replica, life.resumed), restoring.now)
      : again(engine, life, null, restoring.now);
  return { replica: { ...replica, life: waiting }, effects: [{ type: 'adopt', launch, identity }], events: [] };
}

/** Loading, or not yet probed by this supervisor. The first probe waits until the shell has met it. */
function again(
  engine: Engine,
  loading: Extract<RecordedReplica['life'], { state: 'starting' }> | null,
  resumed: Resumed | null,
  now: Instant,
): Life {
  return {
    state: 'starting',
    engine,
    deadline: loading === null ? Number.POSITIVE_INFINITY : Math.max(loading.deadline, now + leastMs),
    lastDeadline: loading === null ? Number.POSITIVE_INFINITY : Math.max(loading.lastDeadline, now + leastMs),
    startupDeadlineMs: loading?.startupDeadlineMs ?? 0,
    portKnownFree: true,
    toldSlots: null,
    probing: { at: null, startedAt: now },
    progress: null,
    resumed,
    misses: 0,
    healthySince: null,
    detail: resumed === null ? null : 'not probed yet since this supervisor began',
  };
}

/** Stopped is said only when nobody is left: of who died last, somebody may be. */
export function withoutStrays(resumption: Resumption, now: Instant): Resumption {
  const { replica } = resumption;
  const { died, life } = replica;
  return died === null || life.state !== 'stopped' || life.why !== null
    ? resumption
    : ended(replica, died, { kind: 'strays' }, unseen, now);
}

/** The stop ladder from its first rung, or the look for who is left of a tree whose leader was seen to end. */
export function ended(replica: Replica, engine: Engine, intent: Intent, exit: ExitEvidence | null, now: Instant): Resumption {
  const { launch, identity } = engine;
  const life: Life = {
    state: 'stopping',
    engine,
    intent,
    rung: intent.kind === 'crashed' || intent.kind === 'strays' ? 'kill' : 'term',
    deadline: now + launch.spec.stop.graceMs,
    exit,
    left: [],
    sweepAt: exit === null ? null : now,
  };
  const ending = { ...replica, life };
  const events = [
    tell(
      ending,
      { spec: launch.spec, correlationId: null },
      { event: 'replica.stopping', to: 'stopping', because: intent.kind, reason: reasonOf(intent) },
    ),
  ];
  if (exit !== null) return { replica: ending, effects: [], events };
  return {
    replica: ending,
    effects: [{ type: 'adopt', launch, identity }, { type: 'record' }, signal(engine, intent, 'term')],
    events,
  };
}

/** Null where it is taken over as it is. */
function notAdopted({ entry }: RecordedEngine, spec: PoolSpec, { inventory, entryOf }: Restoring): string | null {
  if (!inventory.supervisor.adopt) return 'supervisor.adopt is false';
  return entry === entryOf(spec) ? null : `pools.${spec.poolId} has changed since it was launched`;
}

/** As it was launched; it is stopped as it was to be stopped then. */
export function launchAgain(
  { key, incarnation, instance, devices, port, stop }: RecordedEngine,
  { mask }: Replica,
  spec: PoolSpec,
): Launch {
  return {
    key,
    incarnation,
    check: 0,
    instance,
    spec: { ...spec, stop },
    mask,
    devices,
    port,
    hostClaimedBytes: 0,
    allowDownloads: false,
  };
}
