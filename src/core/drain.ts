/** Drain: no new leases, those held and the requests that run end in peace, and then the engine is stopped; at its deadline all the same. */

import { terminate } from './ending.js';
import type { Alarm } from './facts.js';
import { type Illness, isLeaving, isServing, type Life, type Serving } from './life.js';
import type { Instant, PoolSpec } from './model.js';
import { isFresh, pollingAtOnce, pollingByTheWay } from './polling.js';
import type { In, Replica } from './replica.js';
import { asked, readyAgain, rewards, servingFrom, stopServing, type Up } from './serving.js';
import { sicken } from './sickness.js';
import { become, type Scene, stay, type Turn, tell } from './turn.js';
import { span } from './words.js';

type Draining = Extract<Life, { state: 'draining' }>;

export type DrainWish = {
  /** From now. */
  readonly deadlineMs: number;
  /** A drain that runs may end later than it was to; otherwise the earlier deadline counts. */
  readonly extend: boolean;
  /** At its deadline it is given up. @default false */
  readonly yields?: boolean;
};

/** Unready, and the handoff file gone, before anybody is told. */
export function drain(replica: Up, { deadlineMs, extend, yields = false }: DrainWish, scene: Scene): Turn {
  const { life } = replica;
  const deadline = scene.now + deadlineMs;
  if (life.state === 'draining') {
    const asked = { ...life, yields, deadline: extend ? deadline : Math.min(life.deadline, deadline) };
    return stay({ ...replica, life: asked }, [{ type: 'record' }]);
  }
  if (life.state === 'ready') return begin(replica, life, null, { deadline, yields }, scene);
  // What its own log condemns has less time than that.
  const last = life.sickness.kind === 'sticky' ? (life.restartAt ?? deadline) : deadline;
  return begin(replica, life, life, { deadline: Math.min(deadline, last), yields }, scene);
}

/** One that is restarted is drained first, unless it is not to wait. */
export function drainToRestart(replica: Up, { drainMs }: { readonly drainMs: number | null }, scene: Scene): Turn {
  return drainMs === null
    ? stopServing(replica, undefined, scene)
    : drain(replica, { deadlineMs: drainMs, extend: false }, scene);
}

/** Drained, and given up if that takes too long: then the old engine serves on. */
export function drainToSwitch(replica: Up, { drainMs }: { readonly drainMs: number }, scene: Scene): Turn {
  return drain(replica, { deadlineMs: drainMs, extend: false, yields: true }, scene);
}

/** It loads, and nobody has anything of it yet; unless it served under an earlier supervisor. */
export function drainStarting(replica: In<'starting'>, wish: DrainWish, scene: Scene): Turn {
  return drainResumed(replica, wish, scene) ?? terminate(replica, replica.life.engine, { kind: 'asked' }, scene);
}

/** One that served under an earlier supervisor may have requests, whose clients know nothing of that. */
export function restartStarting(replica: In<'starting'>, { drainMs }: { readonly drainMs: number | null }, scene: Scene): Turn {
  const drained = drainMs === null ? null : drainResumed(replica, { deadlineMs: drainMs, extend: false }, scene);
  return drained ?? terminate(replica, replica.life.engine, { kind: 'asked' }, scene);
}

/** As one that serves: what has served may have requests. */
export function switchStarting(replica: In<'starting'>, { drainMs }: { readonly drainMs: number }, scene: Scene): Turn {
  const drained = drainResumed(replica, { deadlineMs: drainMs, extend: false, yields: true }, scene);
  return drained ?? terminate(replica, replica.life.engine, { kind: 'asked' }, scene);
}

/** Null where it has not served yet. One that an earlier supervisor was draining keeps its deadline, if that is the earlier one. */
function drainResumed(replica: In<'starting'>, { deadlineMs, extend, yields = false }: DrainWish, scene: Scene): Turn | null {
  const { engine, resumed } = replica.life;
  if (resumed === null) return null;
  const asked = scene.now + deadlineMs;
  const deadline = extend ? asked : Math.min(resumed.drainBy ?? asked, asked);
  return begin(replica, servingFrom(engine, resumed, resumed.description, scene), null, { deadline, yields }, scene);
}

/** It is met, and goes on with the drain that an earlier supervisor began, if there was one. */
export function drainOn(replica: In<'starting'>, scene: Scene): Turn {
  const drainBy = replica.life.resumed?.drainBy ?? null;
  if (drainBy === null) return stay(replica);
  return drainResumed(replica, { deadlineMs: drainBy - scene.now, extend: false }, scene) ?? stay(replica);
}

/** The drain that an earlier supervisor began is called off before its engine is met. */
export function undrainStarting(replica: In<'starting'>): Turn {
  const { life } = replica;
  return stay(life.resumed === null ? replica : { ...replica, life: { ...life, resumed: { ...life.resumed, drainBy: null } } });
}

function begin(
  replica: Replica,
  serving: Serving,
  illness: Illness | null,
  limit: Pick<Draining, 'deadline' | 'yields'>,
  scene: Scene,
): Turn {
  const { engine, readyAt, description, probing, streak, lastHeartbeatWallMs, inflight, perf, misplaced } = serving;
  const { stableAt, calmAt, closeAt } = serving;
  const life: Draining = {
    state: 'draining',
    since: scene.now,
    ...limit,
    illness: illness === null ? null : { sickness: illness.sickness, detail: illness.detail },
    ...{ engine, readyAt, description, probing, streak, lastHeartbeatWallMs, inflight, perf, misplaced },
    ...{ stableAt, calmAt, closeAt, generateAt: null },
    polling: asks(scene.spec) ? pollingAtOnce(serving.polling, scene.now) : { ...serving.polling, at: null },
  };
  const busy = scene.leases > 0 || (inflight ?? 0) > 0;
  return become(
    replica,
    life,
    scene,
    {
      event: 'replica.draining',
      level: busy ? 'warn' : 'info',
      active_leases: scene.leases,
      detail: blockers(life, scene.leases, scene.spec, scene.now),
    },
    [{ type: 'remove-handoff', key: replica.key }, { type: 'record' }],
  );
}

/** Back to what it was, or to what its probes say that it has become. */
export function undrain(replica: In<'draining'>, _: unknown, scene: Scene): Turn {
  const { state, since, deadline, illness, ...serving } = replica.life;
  const kept = { ...serving, polling: pollingByTheWay(serving.polling, scene.supervisor.enginePollMs, scene.now) };
  const byProbes = illness === null || illness.sickness.kind === 'probes';
  if (byProbes && serving.streak.verdict)
    return readyAgain(replica, illness === null ? kept : { ...kept, ...rewards(scene) }, 'its drain was cancelled', scene);
  const found = illness ?? { sickness: { kind: 'probes' as const }, detail: 'failed its health checks while it was drained' };
  return sicken({ ...replica, life: { ...kept, state: 'ready' } }, found.sickness, found.detail, scene);
}

/** A GPU error in its log is of no use to an engine that goes anyway; it is kept in mind, should the drain be cancelled. */
export function drainingAlarmed(replica: In<'draining'>, { alarm }: { readonly alarm: Alarm }): Turn {
  const known = replica.life.illness?.sickness.kind;
  if (known === 'sticky' || (known === 'suspect' && alarm.kind === 'suspect')) return stay(replica);
  const illness: Illness = { sickness: { kind: alarm.kind, alarm }, detail: `its log says: ${alarm.text}` };
  return stay({ ...replica, life: { ...replica.life, illness } });
}

/** An engine of an earlier supervisor was told to drain before it was met. */
export function drainingAdopted(replica: In<'draining'>, _: unknown, scene: Scene): Turn {
  const { launch } = replica.life.engine;
  return {
    ...stay(replica, [{ type: 'record' }]),
    events: [tell(replica, scene, { event: 'replica.adopted', port: launch.port })],
  };
}

export function drainingWoke(replica: In<'draining'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  // Whoever gives it up at its deadline has seen to it in this step.
  if (scene.now < life.deadline || life.yields) return asked(replica, scene);
  const known = !asks(scene.spec) || life.polling.mute || life.inflight === 0;
  return leave(replica, scene.leases > 0 || !known, scene);
}

/** The last lease was given back, or the last request has ended. */
export function drainingIdle(replica: In<'draining'>, _: unknown, scene: Scene): Turn {
  return leave(replica, false, scene);
}

function leave(replica: In<'draining'>, forced: boolean, scene: Scene): Turn {
  const { engine, since, deadline } = replica.life;
  // By the deadline that was given, however late a busy machine comes to it.
  const afterMs = (forced ? deadline : scene.now) - since;
  return terminate(replica, engine, { kind: 'drained', forced, afterMs }, scene);
}

/** Whether one that is leaving may go, and why; the deadline of one that is sick is its own. */
export function drainEnd(life: Life, leases: number, spec: PoolSpec, now: Instant): 'idle' | 'deadline' | null {
  if (!isLeaving(life)) return null;
  const { polling, inflight, since } = life;
  // What it said before counts for nothing: somebody without a lease may have begun since.
  const fresh = isFresh(polling, now) && (polling.toldAt ?? 0) >= since;
  if (leases === 0 && (!asks(spec) || polling.mute || (inflight === 0 && fresh))) return 'idle';
  return life.state === 'draining' && now >= life.deadline && !life.yields ? 'deadline' : null;
}

/** "2 leases, 1 running request, forced in 22s". */
export function blockers(life: Draining, leases: number, spec: PoolSpec, now: Instant): string {
  const { inflight, polling, deadline, yields } = life;
  const requests =
    !asks(spec) || polling.mute || inflight === 0
      ? null
      : inflight === null
        ? 'its running requests are asked for'
        : counted(inflight, 'running request');
  const held = leases === 0 && requests !== null ? null : leases === 0 ? 'no lease' : counted(leases, 'lease');
  return [held, requests, `${yields ? 'at most' : 'forced in'} ${span(deadline - now)}`]
    .filter((part) => part !== null)
    .join(', ');
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const asks = ({ drain: { inflight } }: PoolSpec): boolean => inflight === 'auto';

/** Leases cut by force: it did not end by itself, and nobody asked to cut them. */
export function isForced(before: Life, after: Life, lost: number): boolean {
  if (!isServing(before) || isServing(after)) return false;
  if (after.state !== 'stopping') return lost > 0;
  const { intent } = after;
  return intent.kind === 'drained' ? intent.forced : intent.kind !== 'asked' && lost > 0;
}
