/** Ready and unhealthy: probes decide which, and whether the engine must go. */

import { nextProbe } from './beat.js';
import { terminate } from './ending.js';
import type { Description, Effect, ProbeResult } from './messages.js';
import type { Instant } from './model.js';
import { observe, streakBefore } from './readiness.js';
import { type Engine, type In, now, type Serving } from './state.js';
import { become, type Scene, stay, type Turn, tell } from './turn.js';

type Up = In<'ready'> | In<'unhealthy'>;

/** For engines that say nothing of themselves. */
export const noDescription: Description = { engineVersion: null, slotsTotal: null, ctxMax: null };

/** The handoff file is whole before anybody is told. */
export function becomeReady(replica: In<'starting'>, engine: Engine, description: Description, scene: Scene): Turn {
  const { spec } = scene;
  const readyAt = now(scene);
  const tookMs = readyAt.at - engine.startedAt.at;
  const probed = spec.health.path !== 'none';
  const serving: Serving = {
    engine,
    readyAt,
    description,
    probing: { at: probed ? nextProbe(scene.now, spec.health.intervalMs, scene.now) : null, startedAt: scene.now },
    streak: streakBefore.serving,
    lastHeartbeatWallMs: probed ? scene.wallMs : null,
    inflight: null,
    pollAt: scene.supervisor.enginePollMs === null ? null : scene.now,
    stableAt: scene.now + spec.restart.backoff.resetAfterMs,
    calmAt: scene.now + spec.restart.storm.resetAfterMs,
  };
  return become(
    { ...replica, lastError: null },
    { state: 'ready', ...serving },
    scene,
    {
      event: 'replica.ready',
      engine_version: description.engineVersion,
      url: urlOf(engine),
      port: engine.launch.port,
      uptime_seconds: Math.round(tookMs) / 1000,
    },
    [handoff(serving), { type: 'record' }],
  );
}

export function servingProbed(replica: Up, { result }: { readonly result: ProbeResult }, scene: Scene): Turn {
  const { life } = replica;
  const { health } = scene.spec;
  const probing = { ...life.probing, at: nextProbe(life.probing.startedAt, health.intervalMs, scene.now) };
  if (result.verdict === 'unknown') return stay({ ...replica, life: { ...life, probing } });
  const passed = result.verdict === 'ok' && result.listener !== 'foreign';
  const detail = result.verdict === 'ok' ? `${result.holder ?? 'another process'} answers on its port` : result.detail;
  const streak = observe(life.streak, passed, { failure: health.failureThreshold, success: health.successThreshold });
  const seen: Up = {
    ...replica,
    life: { ...life, probing, streak, lastHeartbeatWallMs: passed ? scene.wallMs : life.lastHeartbeatWallMs },
  } as Up;
  const turn =
    seen.life.state === 'ready' && !streak.verdict
      ? sicken(seen as In<'ready'>, detail, scene)
      : seen.life.state === 'unhealthy' && streak.verdict
        ? recover(seen as In<'unhealthy'>, scene)
        : stay(passed || seen.life.state === 'ready' ? seen : ({ ...seen, life: { ...seen.life, detail } } as Up));
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

export function servingPolled(
  replica: Up,
  { inflight, canTell }: { readonly inflight: number | null; readonly canTell: boolean },
  scene: Scene,
): Turn {
  const { enginePollMs } = scene.supervisor;
  const pollAt = enginePollMs === null || !canTell ? null : scene.now + enginePollMs;
  return stay({ ...replica, life: { ...replica.life, inflight, pollAt } });
}

/** Whatever is due: a probe, a question, the end of patience, or the reward of a long calm. */
export function servingWoke(replica: Up, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (life.state === 'unhealthy' && due(life.restartAt, scene.now)) {
    return terminate(replica, life.engine, { kind: 'unhealthy', afterMs: scene.now - life.since, detail: life.detail }, scene);
  }
  const { engine } = life;
  const effects: Effect[] = [];
  if (due(life.probing.at, scene.now)) {
    effects.push({
      type: 'probe',
      launch: engine.launch,
      identity: engine.identity,
      prove: life.state === 'unhealthy',
      describe: false,
    });
  }
  if (due(life.pollAt, scene.now)) effects.push({ type: 'poll', launch: engine.launch });
  const next = {
    ...life,
    probing: due(life.probing.at, scene.now) ? { at: null, startedAt: scene.now } : life.probing,
    pollAt: due(life.pollAt, scene.now) ? null : life.pollAt,
    stableAt: due(life.stableAt, scene.now) ? null : life.stableAt,
    calmAt: due(life.calmAt, scene.now) ? null : life.calmAt,
  };
  return stay(
    {
      ...replica,
      attempt: due(life.stableAt, scene.now) ? 0 : replica.attempt,
      crashCount: due(life.stableAt, scene.now) ? 0 : replica.crashCount,
      restartCount: due(life.calmAt, scene.now) ? 0 : replica.restartCount,
      life: next,
    },
    effects,
  );
}

/** Asked to stop or to restart while it serves: the handoff file goes before anything else does. */
export function stopServing(replica: Up, _: unknown, scene: Scene): Turn {
  return terminate(replica, replica.life.engine, { kind: 'asked' }, scene, [{ type: 'remove-handoff', key: replica.key }]);
}

function sicken(replica: In<'ready'>, detail: string, scene: Scene): Turn {
  const { life } = replica;
  const { restartAfterMs } = scene.spec.health;
  const restartAt = restartAfterMs === 'never' ? null : scene.now + restartAfterMs;
  return become(
    { ...replica, lastError: `health check failed: ${detail}, ${life.streak.length} times in a row` },
    { ...life, state: 'unhealthy', since: scene.now, detail, restartAt, stableAt: null, calmAt: null },
    scene,
    { event: 'replica.unhealthy', level: 'warn', reason: detail, failure_count: life.streak.length },
    [{ type: 'remove-handoff', key: replica.key }, { type: 'record' }],
  );
}

function recover(replica: In<'unhealthy'>, scene: Scene): Turn {
  const { since: _since, detail: _detail, restartAt: _restartAt, ...serving } = replica.life;
  const { backoff, storm } = scene.spec.restart;
  const life = {
    ...serving,
    state: 'ready',
    stableAt: scene.now + backoff.resetAfterMs,
    calmAt: scene.now + storm.resetAfterMs,
  } as const;
  return become(
    { ...replica, lastError: null },
    life,
    scene,
    { event: 'replica.ready', engine_version: life.description.engineVersion, url: urlOf(life.engine), because: 'recovered' },
    [handoff(life), { type: 'record' }],
  );
}

function handoff({ engine, description, readyAt }: Serving): Effect {
  return {
    type: 'write-handoff',
    launch: engine.launch,
    facts: { url: urlOf(engine), pid: engine.identity.pid, description, readyAtWallMs: readyAt.wallMs },
  };
}

const due = (at: Instant | null, present: Instant): boolean => at !== null && present >= at;

/** Where clients reach it: a wildcard host means this machine. */
export function urlOf({ launch: { spec, port } }: Engine): string {
  return urlFor(spec.host, port);
}

export function urlFor(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' || host === '*' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
