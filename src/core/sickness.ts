/** A living engine that is sick: what makes it so, what makes it well again, and how long it is borne. */

import { terminate } from './ending.js';
import type { Alarm, ProbeResult, Work } from './facts.js';
import type { Life, Sickness } from './life.js';
import type { Instant } from './model.js';
import { pollingAtOnce } from './polling.js';
import type { In } from './replica.js';
import { become, type Scene, stay, type Turn } from './turn.js';

type Up = In<'ready'> | In<'unhealthy'>;
type Unhealthy = Extract<Life, { state: 'unhealthy' }>;

/** An unhealthy engine that shows work is borne at most so much longer. */
const longestWorkMs = 600_000;
/** An engine is asked what it has done at most once a second. */
const leastSightMs = 2_500;
/** An engine that must go lets its leases and its requests end for at most so long. */
const longestDrainMs = 10_000;

/** Unready, and the handoff file gone, before anybody is told. */
export function sicken(replica: Up, sickness: Sickness, detail: string, scene: Scene): Turn {
  const { life } = replica;
  const { restartAfterMs, intervalMs } = scene.spec.health;
  const token = sickness.kind === 'silent' || sickness.kind === 'suspect';
  const next: Unhealthy = {
    ...life,
    state: 'unhealthy',
    since: life.state === 'unhealthy' ? life.since : scene.now,
    detail,
    sickness,
    restartAt:
      sickness.kind === 'sticky'
        ? scene.now + Math.min(scene.spec.drain.deadlineMs, longestDrainMs)
        : restartAfterMs === 'never'
          ? null
          : scene.now + restartAfterMs,
    work: null,
    dead: false,
    stableAt: null,
    calmAt: null,
    closeAt: null,
    polling:
      sickness.kind === 'sticky' && scene.spec.drain.inflight === 'auto' ? pollingAtOnce(life.polling, scene.now) : life.polling,
    generateAt: token ? scene.now + (sickness.kind === 'suspect' ? 0 : intervalMs) : null,
  };
  const lastError = sickness.kind === 'probes' ? `health check failed: ${detail}, ${life.streak.length} times in a row` : detail;
  return become(
    { ...replica, lastError },
    next,
    scene,
    {
      event: 'replica.unhealthy',
      level: 'warn',
      because: sickness.kind,
      reason: detail,
      ...(sickness.kind === 'probes' ? { failure_count: life.streak.length } : {}),
      ...('alarm' in sickness ? { crash_class: sickness.alarm.class } : {}),
    },
    [{ type: 'remove-handoff', key: replica.key }, { type: 'record' }],
  );
}

/** A GPU or driver error in the log: a sticky one ends the engine, another one is confirmed by a token. */
export function alarmed(replica: Up, { alarm }: { readonly alarm: Alarm }, scene: Scene): Turn {
  const { life } = replica;
  const sickness: Sickness = { kind: alarm.kind, alarm };
  const known = life.state === 'unhealthy' ? life.sickness.kind : null;
  if (known === 'sticky' || (known === 'suspect' && alarm.kind === 'suspect')) return stay(replica);
  return sicken(replica, sickness, `its log says: ${alarm.text}`, scene);
}

/** The answer to a request for one token: proof of life, or of the contrary. */
export function generated(
  replica: Up,
  { verdict, detail }: { readonly verdict: 'ok' | 'failed' | 'unknown'; readonly detail: string },
  scene: Scene,
): Turn | 'recovered' {
  const { life } = replica;
  const { generate, intervalMs } = scene.spec.health;
  if (life.state === 'ready') {
    if (verdict === 'failed') return sicken(replica, { kind: 'silent' }, `makes no token: ${detail}`, scene);
    return stay({ ...replica, life: { ...life, generateAt: generate.everyMs === null ? null : scene.now + generate.everyMs } });
  }
  const { sickness } = life;
  if (sickness.kind !== 'silent' && sickness.kind !== 'suspect') return stay(replica);
  if (verdict === 'ok') return 'recovered';
  if (verdict === 'failed' && sickness.kind === 'suspect') return end(replica as In<'unhealthy'>, sickness.alarm, scene);
  return stay({ ...replica, life: { ...life, generateAt: scene.now + intervalMs } });
}

/** What a probe tells of an engine that is sick: whether it works, and whether it is past hope. */
export function heard(
  replica: Up | In<'draining'>,
  { work, dead }: ProbeResult,
  miss: string | null,
  { now: at }: Scene,
): Up | In<'draining'> {
  const { life } = replica;
  if (life.state !== 'unhealthy') return replica;
  const before = life.work;
  const grew = work !== null && before !== null && hasGrown(before.done, work);
  return {
    ...replica,
    life: {
      ...life,
      detail: miss !== null && life.sickness.kind === 'probes' ? miss : life.detail,
      dead: miss !== null && dead,
      work: work === null ? before : { done: work, grewAt: grew ? at : (before?.grewAt ?? null) },
    },
  };
}

/** Until when an engine whose time has come is borne, since it works; null: no longer. */
export function working({ sickness, work, dead, since }: Unhealthy, { now: at, spec: { health } }: Scene): Instant | null {
  if (dead || work?.grewAt == null || (sickness.kind !== 'probes' && sickness.kind !== 'silent')) return null;
  const { intervalMs, timeoutMs, restartAfterMs } = health;
  const last = since + (restartAfterMs === 'never' ? 0 : restartAfterMs) + longestWorkMs;
  const recently = at - work.grewAt <= Math.max(leastSightMs, 2 * (intervalMs + timeoutMs));
  return recently && at < last ? Math.min(last, at + intervalMs) : null;
}

/** The end of patience. */
export function giveUpOn(replica: In<'unhealthy'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if ('alarm' in life.sickness) return end(replica, life.sickness.alarm, scene);
  return terminate(replica, life.engine, { kind: 'unhealthy', afterMs: scene.now - life.since, detail: life.detail }, scene);
}

function end(replica: In<'unhealthy'>, alarm: Alarm, scene: Scene): Turn {
  return terminate(replica, replica.life.engine, { kind: 'sick', alarm, wasReady: true }, scene);
}

function hasGrown(before: Work, after: Work): boolean {
  const more = (a: number | null, b: number | null): boolean => a !== null && b !== null && b > a;
  return more(before.decoded, after.decoded) || ((after.inflight ?? 0) > 0 && more(before.cpuTicks, after.cpuTicks));
}
