/** From the gate to a process: preflight and spawn. What its probes tell until it is ready is in startup.ts. */

import { drainOn } from './drain.js';
import { terminate } from './ending.js';
import type { EngineIdentity, Obstacle } from './facts.js';
import type { Engine, LaunchCause, Life } from './life.js';
import type { Launch } from './messages.js';
import type { Device, Result } from './model.js';
import { judge, type PreflightVerdict } from './preflight.js';
import type { ModelNews } from './progress.js';
import type { In, Replica } from './replica.js';
import { fail, type Hindrance, obstruct, queue, rest } from './rest.js';
import { endOfStaging, silenceMs, stagingText } from './staging.js';
import { now } from './state.js';
import { repetition, tooOften } from './tries.js';
import { andThen, become, type Scene, stay, type Turn, tell } from './turn.js';
import { span } from './words.js';

/** A preflight that has not answered by then (a hung disk) is an obstacle like others. */
const checkDeadlineMs = silenceMs;
/** A visibly working engine may load so many times as long as its automatic deadline. */
const patience = 3;

/** An engine of an earlier supervisor that was still loading is given at least this long to answer, from when it is met. */
export const leastMs = 10_000;

/** What a launch is given: the mask's devices in the written order, a port, and what is to be known of the machine's memory. */
export type Means = {
  readonly devices: readonly Device[];
  readonly port: number;
  /** Too little memory is free there; null where enough is. */
  readonly short: Obstacle | null;
  readonly hostClaimedBytes: number;
  /** That it may run out of memory; null where there is nothing to fear. */
  readonly advice: string | null;
};

/**
 * The gate is open: what stands in the way of this launch? The intent goes to the disk meanwhile, and the spawn waits for that: a supervisor that
 * dies in between leaves no engine that nobody knows.
 */
export function check(replica: In<'preparing'>, { means }: { readonly means: Result<Means, Obstacle> }, scene: Scene): Turn {
  if (!means.ok) return obstruct(replica, hindranceOf(means.error), scene);
  if (means.value.short !== null) return obstruct(replica, hindranceOf(means.value.short), scene);
  const { cause, since } = replica.life;
  const launch = launchOf(replica, means.value, scene, scene.id());
  const { advice } = means.value;
  const warned = { event: 'replica.preparing', level: 'warn', because: cause } as const;
  const turn = stay(
    {
      ...replica,
      checks: launch.check,
      port: launch.port,
      life: { state: 'preparing', phase: 'checking', cause, since, launch, deadline: scene.now + checkDeadlineMs, staged: null },
    },
    [{ type: 'check', launch }, { type: 'record' }],
  );
  return advice === null ? turn : { ...turn, events: [tell(turn.replica, scene, { ...warned, detail: advice })] };
}

function hindranceOf({ what: obstacle, text: why, hint }: Obstacle): Hindrance {
  return { why, hint: hint ?? null, obstacle };
}

/** The next launch of a replica, as it stands. */
export function launchOf(
  { key, incarnation, checks, mask }: Replica,
  { devices, port, hostClaimedBytes }: Means,
  { spec, supervisor: { allowDownloads } }: Pick<Scene, 'spec' | 'supervisor'>,
  instance: string,
): Launch {
  return {
    key,
    incarnation: incarnation + 1,
    check: checks + 1,
    instance,
    spec,
    mask,
    devices,
    port,
    hostClaimedBytes,
    allowDownloads,
  };
}

type Checked = {
  readonly check: number;
  readonly obstacles: readonly Obstacle[];
  readonly startupDeadlineMs: number;
  readonly portKnownFree: boolean;
  readonly slotsTotal?: number | null;
  readonly modelBytes: number | null;
  readonly listed: boolean;
  readonly modelNews?: ModelNews | null;
};

/** Nothing is in the way any more, or something is. */
export function checked(replica: In<'preparing'>, fact: Checked, scene: Scene): Turn {
  const { life } = replica;
  if (life.phase !== 'checking' || fact.check !== life.launch.check) return stay(replica);
  const verdict = judge(fact.obstacles);
  const failure = fact.obstacles.find(({ what }) => ofModel.has(what))?.text ?? null;
  const told = endOfStaging(life.staged, { failure, news: fact.modelNews ?? null });
  const turn = verdict.go ? cleared(replica, life, fact) : hindered(replica, fact, verdict, scene);
  return { ...turn, events: [...told.map((event) => tell(replica, scene, event)), ...turn.events] };
}

const ofModel: ReadonlySet<Obstacle['what']> = new Set(['model', 'digest', 'download']);

function cleared(replica: In<'preparing'>, life: Extract<Life, { phase: 'checking' }>, fact: Checked): Turn {
  const { cause, since, launch } = life;
  // The model took its time to come: what else was looked at is old by now, and others may have begun to load.
  if (life.staged !== null) return stay({ ...replica, life: { state: 'preparing', phase: 'queued', cause, since } });
  const automatic = isRestart(cause);
  // An apply may have named another since it was asked for.
  const { startupDeadlineMs: written } = launch.spec.health;
  return stay(
    {
      ...replica,
      incarnation: launch.incarnation,
      obstructed: 0,
      vram: { ...replica.vram, modelBytes: fact.modelBytes, listed: fact.listed },
      portProven: true,
      avoidPorts: [],
      died: null,
      restartCount: replica.restartCount + (automatic ? 1 : 0),
      restartsTotal: replica.restartsTotal + (automatic ? 1 : 0),
      life: {
        state: 'preparing',
        phase: 'spawning',
        cause,
        since,
        launch,
        startupDeadlineMs: written === 'auto' ? fact.startupDeadlineMs : written,
        portKnownFree: fact.portKnownFree,
        toldSlots: fact.slotsTotal ?? null,
        sought: null,
      },
    },
    [{ type: 'spawn', launch }],
  );
}

/** Whether a launch for this cause counts as a restart, and for storms. */
export function isRestart(cause: LaunchCause): boolean {
  return cause === 'crash' || cause === 'health';
}

/** The process exists. Somebody may have changed their mind while it was being made. */
export function spawned(replica: In<'preparing'>, { identity }: { readonly identity: EngineIdentity }, scene: Scene): Turn {
  const { life } = replica;
  if (life.phase !== 'spawning') return stay(replica);
  const engine: Engine = { launch: life.launch, identity, startedAt: now(scene), version: null, adopted: life.sought !== null };
  if (replica.goal === 'down') return terminate(replica, engine, { kind: 'asked' }, scene);
  if (life.sought?.refusal != null) return terminate(replica, engine, { kind: 'replaced', why: life.sought.refusal }, scene);
  const { health } = scene.spec;
  const deadline = scene.now + life.startupDeadlineMs;
  return become(
    { ...replica, portProven: true },
    {
      state: 'starting',
      engine,
      deadline,
      lastDeadline: health.startupDeadlineMs === 'auto' ? scene.now + patience * life.startupDeadlineMs : deadline,
      startupDeadlineMs: life.startupDeadlineMs,
      portKnownFree: life.portKnownFree,
      toldSlots: life.toldSlots,
      probing:
        health.path === 'none'
          ? { at: scene.now + health.minUptimeMs + scene.minHealthyMs, startedAt: scene.now }
          : { at: scene.now, startedAt: scene.now },
      progress: null,
      resumed: null,
      misses: 0,
      healthySince: null,
      detail: null,
    },
    scene,
    { event: 'replica.starting', port: engine.launch.port, reason: life.cause },
    [{ type: 'record' }],
  );
}

/** Of a launch that an earlier supervisor wrote down there is no process. */
export function unspawned(replica: In<'preparing'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (life.phase !== 'spawning' || life.sought === null) return stay(replica);
  return replica.goal === 'down' ? rest(replica, scene) : queue(replica, life.cause, scene);
}

/** The engine of an earlier supervisor lives. What it is, its first probe tells; one that was being drained goes on with that. */
export function adopted(replica: In<'starting'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (!life.engine.adopted || life.probing.at !== null) return stay(replica);
  const least = scene.now + leastMs;
  const met = {
    ...replica,
    life: {
      ...life,
      deadline: Math.max(life.deadline, least),
      lastDeadline: Math.max(life.lastDeadline, least),
      probing: { at: scene.now, startedAt: scene.now },
    },
  };
  const told = tell(met, scene, { event: 'replica.adopted', port: life.engine.launch.port, restart_count: replica.restartCount });
  const turn: Turn = { replica: met, effects: [{ type: 'record' }], events: [told] };
  return replica.goal === 'up' ? turn : andThen(turn, () => drainOn(met, scene));
}

export function preparingWoke(replica: In<'preparing'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (life.phase !== 'checking' || scene.now < life.deadline) return stay(replica);
  const { staged } = life;
  if (staged === null) {
    const why = `the checks before the launch did not end within ${span(checkDeadlineMs)}: does a disk or a tool hang?`;
    return obstruct(replica, { why }, scene);
  }
  const why = `nothing has moved for ${span(silenceMs)}: ${stagingText({ ...staged.last, leftMs: null })}`;
  const told = endOfStaging(staged, { failure: why, news: null });
  const turn = obstruct(replica, { why, obstacle: 'download' }, scene);
  return { ...turn, events: [...told.map((event) => tell(replica, scene, event)), ...turn.events] };
}

function hindered(
  replica: In<'preparing'>,
  { obstacles }: Checked,
  { permanent, text: why, hint, obstacle }: Extract<PreflightVerdict, { go: false }>,
  scene: Scene,
): Turn {
  if (permanent) return fail(replica, scene, why, hint, obstacle);
  const onlyPort = obstacles.every(({ what }) => what === 'port');
  // A port that no engine of this replica ever had is given up for the next one; a proven one is waited for, since clients know it.
  if (onlyPort && scene.spec.port === 'auto' && !replica.portProven) return askForAnotherPort(replica, scene);
  const repeated = repetition(replica.repeated, onlyPort ? 'port_in_use' : null);
  const tried = { ...replica, repeated };
  return tooOften(repeated)
    ? fail(tried, scene, `${why}, ${repeated?.count} tries in a row`, hint, obstacle)
    : obstruct(tried, { why, hint, obstacle }, scene);
}

function askForAnotherPort(replica: In<'preparing'>, { now: since }: Scene): Turn {
  const { cause } = replica.life;
  const avoidPorts = replica.port === null ? replica.avoidPorts : [...replica.avoidPorts, replica.port];
  return stay({ ...replica, port: null, avoidPorts, life: { state: 'preparing', phase: 'queued', cause, since } });
}
