/** Ready and unhealthy: probes decide which, and whether the engine must go. */

import { nextProbe } from './beat.js';
import { closedBreaker } from './breaker.js';
import { isClean, withBreakers } from './breakers.js';
import { terminate } from './ending.js';
import type { Description, PerfCounters, ProbeResult } from './facts.js';
import { freshProbeBy } from './freshness.js';
import { type Engine, isLeaving, type Resumed, type Rewards, type Serving } from './life.js';
import type { Effect } from './messages.js';
import type { Instant, PoolSpec } from './model.js';
import { noPerf, perfAfter } from './perf.js';
import { firstPolling, nextPolling } from './polling.js';
import { observe, streakBefore } from './readiness.js';
import type { In, Replica } from './replica.js';
import { generated, giveUpOn, heard, sicken, working } from './sickness.js';
import { now } from './state.js';
import { andThen, become, type Scene, stay, type Turn, tell } from './turn.js';

/** Ready, unhealthy or draining: an engine that serves, or did and may again. */
export type Up = In<'ready'> | In<'unhealthy'> | In<'draining'>;

type Polled = { readonly inflight: number | null; readonly counters: PerfCounters | null; readonly canTell: boolean };

/** For engines that say nothing of themselves. */
export const noDescription: Description = { engineVersion: null, slotsTotal: null, ctxMax: null };

/** Of one that is never asked. */
export const unasked = (slotsTotal: number | null): Description => ({ ...noDescription, slotsTotal });

/** The handoff file is whole before anybody is told. */
export function becomeReady(replica: In<'starting'>, engine: Engine, description: Description, scene: Scene): Turn {
  const { resumed } = replica.life;
  const serving = servingFrom(engine, resumed, description, scene);
  return become(
    { ...replica, lastError: null, provenAt: now(scene), repeated: null, vram: { ...replica.vram, before: null } },
    { state: 'ready', ...serving },
    scene,
    {
      event: 'replica.ready',
      engine_version: serving.description.engineVersion,
      url: urlOf(engine),
      port: engine.launch.port,
      ...(resumed === null ? { uptime_seconds: Math.round(scene.now - engine.startedAt.at) / 1000 } : { because: 'adopted' }),
    },
    [handoff(serving), { type: 'record' }],
  );
}

/** One that served under an earlier supervisor and does not answer this one. */
export function resumeUnhealthy(replica: In<'starting'>, resumed: Resumed, detail: string, scene: Scene): Turn {
  const before = asBefore(replica, resumed, scene);
  const streak = { ...before.life.streak, passed: false, length: scene.spec.health.failureThreshold, verdict: false };
  return sicken({ ...before, life: { ...before.life, streak } }, { kind: 'probes' }, detail, scene);
}

/** As one that serves, before it has answered this supervisor. */
export function asBefore(replica: In<'starting'>, resumed: Resumed, scene: Scene): In<'ready'> {
  const serving = servingFrom(replica.life.engine, resumed, resumed.description, scene);
  return { ...replica, life: { state: 'ready', ...serving, lastHeartbeatWallMs: null } };
}

export function servingProbed(replica: Up, { result }: { readonly result: ProbeResult }, scene: Scene): Turn {
  const slotsTotal = result.description?.slotsTotal ?? null;
  if (replica.life.description.slotsTotal !== null || slotsTotal === null) return judged(replica, result, scene);
  const { life } = replica;
  const told = { ...replica, life: { ...life, description: { ...life.description, slotsTotal } } } as Up;
  const turn = judged(told, result, scene);
  // Clients read the slots there. Whoever has just recovered has written it.
  return life.state === 'ready' && turn.replica.life.state === 'ready'
    ? { ...turn, effects: [...turn.effects, handoff(turn.replica.life)] }
    : turn;
}

function judged(replica: Up, result: ProbeResult, scene: Scene): Turn {
  const { life } = replica;
  const { health } = scene.spec;
  // One that was out when an apply ended them is the last.
  const at = health.path === 'none' ? null : nextProbe(life.probing.startedAt, health.intervalMs, scene.now);
  const probing = { ...life.probing, at };
  if (result.verdict === 'unknown') return stay({ ...replica, life: { ...life, probing } });
  const passed = result.verdict === 'ok' && result.listener !== 'foreign';
  const detail = result.verdict === 'ok' ? `${result.holder ?? 'another process'} answers on its port` : result.detail;
  const streak = observe(life.streak, passed, { failure: health.failureThreshold, success: health.successThreshold });
  const seen: Up = heard(
    {
      ...replica,
      life: { ...life, probing, streak, lastHeartbeatWallMs: passed ? scene.wallMs : life.lastHeartbeatWallMs },
    } as Up,
    result,
    passed ? null : detail,
    scene,
  );
  const turn =
    seen.life.state === 'ready' && !streak.verdict
      ? sicken(seen as In<'ready'>, { kind: 'probes' }, detail, scene)
      : seen.life.state === 'unhealthy' && seen.life.sickness.kind === 'probes' && streak.verdict
        ? recover(seen as In<'unhealthy'>, scene)
        : stay(seen);
  if (passed) return turn;
  const missed = tell(seen, scene, {
    event: 'probe.failed',
    level: 'warn',
    reason: detail,
    result: 'failed',
    failure_count: streak.length,
  });
  return { ...turn, events: [missed, ...turn.events] };
}

export function servingPolled(replica: Up, { inflight, counters, canTell }: Polled, scene: Scene): Turn {
  const { life } = replica;
  const polling = nextPolling(life.polling, { inflight, canTell }, isLeaving(life), scene.supervisor.enginePollMs, scene.now);
  const perf = perfAfter(life.perf, counters, scene.now);
  return stay({ ...replica, life: { ...life, inflight, perf, polling } } as Up);
}

export function servingGenerated(
  replica: In<'ready'> | In<'unhealthy'>,
  fact: { readonly verdict: 'ok' | 'failed' | 'unknown'; readonly detail: string },
  scene: Scene,
): Turn {
  const turn = generated(replica, fact, scene);
  return turn === 'recovered' ? recover(replica as In<'unhealthy'>, scene) : turn;
}

/** Whatever is due: a probe, a question, a token, the end of patience, or the reward of a long calm. */
export function servingWoke(replica: In<'ready'> | In<'unhealthy'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (life.state === 'unhealthy' && due(life.restartAt, scene.now)) {
    // Since an apply nobody probes it.
    if (life.sickness.kind === 'probes' && scene.spec.health.path === 'none') return recover(replica as In<'unhealthy'>, scene);
    const until = patience(life, scene) ?? working(life, scene);
    if (until === null) return giveUpOn(replica as In<'unhealthy'>, undefined, scene);
    return asked({ ...replica, life: { ...life, restartAt: until } }, scene);
  }
  return andThen(rewarded(replica, scene), (after) => asked(after as Up, scene));
}

/** Asked to stop or to restart while it serves: the handoff file goes before anything else does. */
export function stopServing(replica: Up, _: unknown, scene: Scene): Turn {
  return terminate(replica, replica.life.engine, { kind: 'asked' }, scene, [{ type: 'remove-handoff', key: replica.key }]);
}

/** Probe, question and token: at most one of each is out. */
export function asked(replica: Up, scene: Scene): Turn {
  const { life } = replica;
  const { launch, identity } = life.engine;
  const { generate } = scene.spec.health;
  const effects: Effect[] = [];
  const probe = due(life.probing.at, scene.now);
  if (probe) {
    const sick = life.state === 'unhealthy';
    effects.push({ type: 'probe', launch, identity, prove: sick, describe: isToTell(life, scene.spec), work: sick });
  }
  const poll = due(life.polling.at, scene.now);
  if (poll) effects.push({ type: 'poll', launch });
  const token = due(life.generateAt, scene.now);
  // Requests that are running are proof enough, and one more would only wait behind them.
  const skipped = token && life.state === 'ready' && (life.inflight ?? 0) > 0 && generate.everyMs !== null;
  if (token && !skipped) effects.push({ type: 'generate', launch, timeoutMs: generate.timeoutMs });
  const next = {
    ...life,
    probing: probe ? { at: null, startedAt: scene.now } : life.probing,
    polling: poll ? { ...life.polling, at: null, out: true } : life.polling,
    generateAt: token ? (skipped ? scene.now + (generate.everyMs ?? 0) : null) : life.generateAt,
  };
  return stay({ ...replica, life: next } as Up, effects);
}

/** Since an apply its slots are what it says itself. */
const isToTell = ({ description }: Serving, { slots }: PoolSpec): boolean => slots === 'auto' && description.slotsTotal === null;

/** What its log has told needs no probe; where a token is the proof, a fresh one is waited for as well. */
function patience({ sickness, probing }: In<'unhealthy'>['life'], scene: Scene): Instant | null {
  const { intervalMs, generate } = scene.spec.health;
  if (sickness.kind === 'sticky') return null;
  return freshProbeBy(probing, intervalMs, scene, sickness.kind === 'probes' ? 0 : generate.timeoutMs);
}

/** So much ready time clears attempts and crash_count, so much restart_count, and so much closes the breakers. */
function rewarded(replica: Up, scene: Scene): Turn {
  const { life } = replica;
  const [stable, calm, close] = [life.stableAt, life.calmAt, life.closeAt].map((at) => due(at, scene.now));
  if (!stable && !calm && !close) return stay(replica);
  const after: Replica = {
    ...replica,
    attempt: stable ? 0 : replica.attempt,
    crashCount: stable ? 0 : replica.crashCount,
    restartCount: calm ? 0 : replica.restartCount,
    life: {
      ...life,
      stableAt: stable ? null : life.stableAt,
      calmAt: calm ? null : life.calmAt,
      closeAt: close ? null : life.closeAt,
    },
  };
  if (!close || isClean(after.breakers)) return stay(after);
  // A count that has not opened anything is cleared without a word.
  const { general, cuda } = after.breakers;
  return general.state === 'closed' && cuda.state === 'closed'
    ? stay({ ...after, breakers: { general: closedBreaker, cuda: closedBreaker } })
    : withBreakers(after, 'closed', scene);
}

function recover(replica: In<'unhealthy'>, scene: Scene): Turn {
  const { since, detail, restartAt, sickness, work, dead, state, ...serving } = replica.life;
  return readyAgain(replica, { ...serving, ...rewards(scene) }, 'recovered', scene);
}

/** Takes leases again. `because` is told. */
export function readyAgain(replica: Replica, serving: Serving, because: string, scene: Scene): Turn {
  const life = { ...serving, state: 'ready', generateAt: nextToken(scene) } as const;
  return become(
    { ...replica, lastError: null },
    life,
    scene,
    { event: 'replica.ready', engine_version: life.description.engineVersion, url: urlOf(life.engine), because },
    [handoff(life), { type: 'record' }],
  );
}

export function servingFrom(engine: Engine, resumed: Resumed | null, description: Description, scene: Scene): Serving {
  const { health } = scene.spec;
  const probed = health.path !== 'none';
  const before = resumed?.description ?? noDescription;
  const engineVersion = description.engineVersion ?? before.engineVersion;
  return {
    engine: { ...engine, version: engineVersion },
    readyAt: resumed?.readyAt ?? now(scene),
    probing: { at: probed ? nextProbe(scene.now, health.intervalMs, scene.now) : null, startedAt: scene.now },
    streak: streakBefore.serving,
    lastHeartbeatWallMs: probed ? scene.wallMs : null,
    inflight: null,
    misplaced: null,
    perf: noPerf,
    polling: firstPolling(scene.supervisor.enginePollMs, scene.now),
    generateAt: nextToken(scene),
    ...(resumed?.rewards ?? rewards(scene)),
    description: {
      engineVersion,
      slotsTotal: description.slotsTotal ?? before.slotsTotal,
      ctxMax: description.ctxMax ?? before.ctxMax,
    },
  };
}

/** Ready time begins anew. */
export function rewards({ now: at, spec: { restart } }: Scene): Rewards {
  return {
    stableAt: at + restart.backoff.resetAfterMs,
    calmAt: at + restart.storm.resetAfterMs,
    closeAt: at + restart.breaker.closeAfterMs,
  };
}

function nextToken({ now: at, spec }: Scene): Instant | null {
  const { everyMs } = spec.health.generate;
  return everyMs === null ? null : at + everyMs;
}

function due(at: Instant | null, now: Instant): boolean {
  return at !== null && at <= now;
}

export function handoff({ engine, description, readyAt }: Serving): Effect {
  const { launch, identity } = engine;
  return {
    type: 'write-handoff',
    launch,
    facts: { url: urlOf(engine), pid: identity.pid, description, readyAtWallMs: readyAt.wallMs },
  };
}

const urlOf = ({ launch }: Engine): string => urlFor(launch.spec.host, launch.port);

/** Where clients reach it: a wildcard host means this machine. */
export function urlFor(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' || host === '*' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
