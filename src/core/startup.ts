/** An engine that loads: its probes until it is ready, and the end of patience. */

import { nextProbe } from './beat.js';
import { kill, terminate } from './ending.js';
import type { Alarm, ProbeResult } from './facts.js';
import { freshProbeBy } from './freshness.js';
import type { Instant } from './model.js';
import type { In } from './replica.js';
import { asBefore, becomeReady, noDescription, resumeUnhealthy, unasked } from './serving.js';
import { alarmed } from './sickness.js';
import { type Scene, stay, type Turn, tell } from './turn.js';
import { span } from './words.js';

/** An engine that moved in this time counts as visibly working. */
const progressWindowMs = 30_000;

export function startingWoke(replica: In<'starting'>, _: unknown, scene: Scene): Turn {
  const { probing, engine, deadline, toldSlots } = replica.life;
  const { health, slots } = scene.spec;
  const due = probing.at !== null && scene.now >= probing.at;
  if (health.path === 'none' && due) return becomeReady(replica, engine, unasked(slots === 'auto' ? toldSlots : slots), scene);
  const grace = scene.now >= deadline ? freshProbeBy(probing, health.startupIntervalMs, scene) : null;
  if (scene.now >= deadline && grace === null) return late(replica, scene);
  const life = { ...replica.life, deadline: grace ?? deadline };
  if (!due) return stay({ ...replica, life });
  return stay({ ...replica, life: { ...life, probing: { at: null, startedAt: scene.now } } }, [
    { type: 'probe', launch: engine.launch, identity: engine.identity, prove: true, describe: true, work: false },
  ]);
}

/** An answer counts only when it comes from our own engine's listener: an old process on the same port would answer as well. */
export function startupProbed(replica: In<'starting'>, { result }: { readonly result: ProbeResult }, scene: Scene): Turn {
  const { life } = replica;
  const ours =
    result.listener === 'ours' || result.listener === 'unproved' || (result.listener === 'unknown' && life.portKnownFree);
  if (result.verdict === 'ok' && ours) {
    const told = result.description ?? noDescription;
    // The file's word goes before the engine's, also where it was asked before an apply.
    const { slots } = scene.spec;
    const description = slots === 'auto' ? told : { ...told, slotsTotal: slots };
    return watched(replica, scene) ?? becomeReady(replica, life.engine, description, scene);
  }
  const detail =
    result.verdict === 'ok'
      ? `${result.holder ?? 'an unknown process'} answers on port ${life.engine.launch.port}, not this engine`
      : result.detail;
  if (life.resumed !== null && result.verdict !== 'unknown') {
    const misses = life.misses + 1;
    if (misses >= scene.spec.health.failureThreshold) return resumeUnhealthy(replica, life.resumed, detail, scene);
  }
  const at = nextProbe(life.probing.startedAt, scene.spec.health.startupIntervalMs, scene.now);
  const turn = stay({
    ...replica,
    life: {
      ...life,
      detail,
      healthySince: null,
      misses: life.misses + (result.verdict === 'unknown' ? 0 : 1),
      probing: { ...life.probing, at },
      progress: progressed(life.progress, result.progress, scene.now),
    },
  });
  if (result.verdict !== 'ok' || life.detail === detail) return turn;
  return { ...turn, events: [tell(replica, scene, { event: 'probe.failed', level: 'warn', reason: detail, result: 'failed' })] };
}

/**
 * What only a new process cures need not be loaded to its end. Another error may be an attempt that the engine gives up by itself. One that served under
 * an earlier supervisor may have requests.
 */
export function startingAlarmed(replica: In<'starting'>, { alarm }: { readonly alarm: Alarm }, scene: Scene): Turn {
  if (alarm.kind !== 'sticky') return stay(replica);
  const { engine, resumed } = replica.life;
  return resumed === null
    ? terminate(replica, engine, { kind: 'sick', alarm, wasReady: false }, scene)
    : alarmed(asBefore(replica, resumed, scene), { alarm }, scene);
}

/** Healthy, and not for long enough yet; null: it is. */
function watched(replica: In<'starting'>, scene: Scene): Turn | null {
  const { life } = replica;
  const since = life.healthySince ?? scene.now;
  const until = since + scene.minHealthyMs;
  if (scene.now >= until) return null;
  const { startupIntervalMs, timeoutMs } = scene.spec.health;
  const at = Math.min(until, nextProbe(life.probing.startedAt, startupIntervalMs, scene.now));
  // Its time to load is over: it has loaded.
  const deadline = Math.max(life.deadline, until + startupIntervalMs + timeoutMs);
  const detail = `healthy; is watched for ${span(scene.minHealthyMs)} before it is ready`;
  return stay({
    ...replica,
    life: {
      ...life,
      healthySince: since,
      detail,
      deadline,
      lastDeadline: Math.max(life.lastDeadline, deadline),
      probing: { ...life.probing, at },
    },
  });
}

function progressed(
  before: In<'starting'>['life']['progress'],
  value: number | null,
  at: Instant,
): In<'starting'>['life']['progress'] {
  if (value === null) return before;
  // It shrinks when a log is rotated, and then the log was written.
  return before === null || value !== before.value ? { value, at } : before;
}

function late(replica: In<'starting'>, scene: Scene): Turn {
  const { life } = replica;
  const deadline = Math.min(life.lastDeadline, (life.progress?.at ?? Number.NEGATIVE_INFINITY) + progressWindowMs);
  if (deadline > scene.now) return stay({ ...replica, life: { ...life, deadline } });
  const detail = life.detail ?? 'no probe was answered';
  return kill(replica, life.engine, { kind: 'deadline', afterMs: scene.now - life.engine.startedAt.at, detail }, scene);
}
