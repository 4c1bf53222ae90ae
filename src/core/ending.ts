/** How an engine's life ends: the stop ladder, the proof that nobody is left, and what an exit means. */

import type { Effect, ExitEvidence } from './messages.js';
import type { Moment } from './model.js';
import { backOff, fail, queue, rest } from './rest.js';
import { type Engine, type In, type Intent, type LastExit, now, type Replica } from './state.js';
import { andThen, become, type Scene, stay, type Turn, tell } from './turn.js';
import { ending, lastWords, span } from './words.js';

/** After SIGKILL to group and tree an engine has this long before it is reported as stuck. */
const killWaitMs = 5_000;
/** How often the kernel is asked who is left. */
const sweepEveryMs = { stopping: 100, stuck: 2_000 } as const;
/** Program and directory are gone, or the launch can never be made as it is written: trying again changes nothing. */
const permanentErrnos: ReadonlySet<string> = new Set([
  'ENOENT',
  'EACCES',
  'ENOEXEC',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'E2BIG',
  'EPERM',
]);

type Ending = In<'stopping'> | In<'stuck'>;

/** First rung: the pool's stop signal, then SIGKILL after its grace. */
export function terminate(replica: Replica, engine: Engine, intent: Intent, scene: Scene, first: readonly Effect[] = []): Turn {
  const deadline = scene.now + scene.spec.stop.graceMs;
  return become(
    replica,
    { state: 'stopping', engine, intent, rung: 'term', deadline, exit: null, left: [], sweepAt: null },
    scene,
    { event: 'replica.stopping', because: intent.kind, reason: reasonOf(intent) },
    [...first, { type: 'signal', launch: engine.launch, identity: engine.identity, rung: 'term' }],
  );
}

/** Straight to SIGKILL: for what has shown that asking is useless, or whose leader is dead. */
export function kill(
  replica: Replica,
  engine: Engine,
  intent: Intent,
  scene: Scene,
  exit: ExitEvidence | null = null,
  first: readonly Effect[] = [],
): Turn {
  return become(
    replica,
    {
      state: 'stopping',
      engine,
      intent,
      rung: 'kill',
      deadline: scene.now + killWaitMs,
      exit,
      left: [],
      sweepAt: exit === null ? null : scene.now + sweepEveryMs.stopping,
    },
    scene,
    { event: 'replica.stopping', because: intent.kind, reason: reasonOf(intent) },
    [...first, { type: 'signal', launch: engine.launch, identity: engine.identity, rung: 'kill' }],
  );
}

/** The third Ctrl-C: no more grace. */
export function killNow(replica: In<'stopping'>, _: unknown, scene: Scene): Turn {
  return replica.life.rung === 'kill' ? stay(replica) : escalate(replica, scene);
}

/** A rung's time has passed, or it is time to ask the kernel again. */
export function stoppingWoke(replica: In<'stopping'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (scene.now >= life.deadline) return life.rung === 'term' ? escalate(replica, scene) : giveUp(replica, scene);
  return sweepIfDue(replica, scene);
}

export function stuckWoke(replica: In<'stuck'>, _: unknown, scene: Scene): Turn {
  return sweepIfDue(replica, scene);
}

/** The leader is gone; whether its tree is, only the kernel can say. */
export function endingExited(replica: Ending, { exit }: { readonly exit: ExitEvidence }): Turn {
  const { launch, identity } = replica.life.engine;
  return stay({ ...replica, life: { ...replica.life, exit, sweepAt: null } }, [
    { type: 'sweep', launch, identity, mode: modeOf(replica) },
  ]);
}

/** The kernel's account of who is left. Nobody, and the leader's exit seen: the end. */
export function endingSwept(replica: Ending, { left }: { readonly left: readonly number[] }, scene: Scene): Turn {
  if (left.length === 0 && replica.life.exit !== null) return settle(replica, replica.life.exit, scene);
  const sweepAt = scene.now + sweepEveryMs[replica.life.state];
  return stay({ ...replica, life: { ...replica.life, left, sweepAt } });
}

/**
 * An engine exited and nobody asked for it. A leader that leaves members of its group behind is followed by them first: a new engine beside an
 * old one's workers would find its memory and its port taken.
 */
export function exitedUnasked(
  replica: In<'starting'> | In<'ready'> | In<'unhealthy'>,
  { exit, empty }: { readonly exit: ExitEvidence; readonly empty: boolean },
  scene: Scene,
): Turn {
  const wasReady = replica.life.state !== 'starting';
  const { engine } = replica.life;
  const first: Effect[] = wasReady ? [{ type: 'remove-handoff', key: replica.key }] : [];
  if (!empty) return kill(replica, engine, { kind: 'crashed', exit, wasReady, endedAt: now(scene) }, scene, exit, first);
  const strays: Effect = { type: 'sweep', launch: engine.launch, identity: engine.identity, mode: 'strays' };
  const turn = judgeExit(replica, exit, engine.startedAt, wasReady, scene);
  return { ...turn, effects: [...first, strays, ...turn.effects] };
}

/** The process was never made: an exit with evidence, but no crash of an engine that ran. */
export function spawnFailed(replica: In<'preparing'>, { exit }: { readonly exit: ExitEvidence }, scene: Scene): Turn {
  return judgeExit(replica, exit, now(scene), false, scene);
}

function escalate(replica: In<'stopping'>, scene: Scene): Turn {
  const { life } = replica;
  const { launch, identity } = life.engine;
  return stay(
    { ...replica, life: { ...life, rung: 'kill', deadline: scene.now + killWaitMs, sweepAt: scene.now + sweepEveryMs.stopping } },
    [{ type: 'signal', launch, identity, rung: 'kill' }],
  );
}

function giveUp(replica: In<'stopping'>, scene: Scene): Turn {
  const { engine, intent, exit, left } = replica.life;
  const who = left.length > 0 ? left : [engine.identity.pid];
  const why = `pid ${who.join(', ')} would not die, ${span(killWaitMs)} after SIGKILL`;
  return become(
    { ...replica, lastError: why },
    { state: 'stuck', engine, intent, exit, left, sweepAt: scene.now + sweepEveryMs.stuck },
    scene,
    {
      event: 'replica.stuck',
      level: 'error',
      last_error: why,
      reason: why,
      hint: `its devices stay reserved until it is gone; see ps -o stat,wchan -p ${who.join(',')}`,
    },
    [{ type: 'record' }],
  );
}

function sweepIfDue(replica: Ending, { now: at }: Scene): Turn {
  const { sweepAt, engine } = replica.life;
  if (sweepAt === null || at < sweepAt) return stay(replica);
  return stay({ ...replica, life: { ...replica.life, sweepAt: null } }, [
    { type: 'sweep', launch: engine.launch, identity: engine.identity, mode: modeOf(replica) },
  ]);
}

const modeOf = ({ life }: Ending): 'look' | 'kill' => (life.state === 'stuck' || life.rung === 'kill' ? 'kill' : 'look');

/** Nobody is left. What we did ourselves comes first: an exit that we asked for is no crash. */
function settle(replica: Ending, exit: ExitEvidence, scene: Scene): Turn {
  const { intent, engine } = replica.life;
  switch (intent.kind) {
    case 'asked': {
      const ended = { ...replica, lastExit: lastExit(replica, engine.startedAt, exit, 'graceful', scene) };
      return replica.goal === 'up' ? queue(ended, 'operator', scene) : rest(ended, scene);
    }
    case 'crashed':
      return judgeExit(replica, intent.exit, engine.startedAt, intent.wasReady, scene, intent.endedAt);
    case 'deadline': {
      const why = `health check failed: not healthy after ${span(intent.afterMs)} (${intent.detail}); raise health.startup_deadline if it needs longer to load`;
      return crashed({ ...replica, lastExit: lastExit(replica, engine.startedAt, exit, 'hang', scene) }, exit, why, scene);
    }
    case 'unhealthy': {
      const why = `health check failed: unhealthy for ${span(intent.afterMs)} (${intent.detail})`;
      const ended = { ...replica, lastError: why, lastExit: lastExit(replica, engine.startedAt, exit, 'hang', scene) };
      return afterFailure(ended, why, 'health', scene);
    }
  }
}

/** An unasked exit: a stop, a failure that would only repeat itself, or a crash. */
function judgeExit(
  replica: Replica,
  exit: ExitEvidence,
  startedAt: Moment,
  wasReady: boolean,
  scene: Scene,
  endedAt = now(scene),
): Turn {
  const permanent = exit.spawnError !== null && permanentErrnos.has(exit.spawnError.errno);
  const stopped = exit.code === 0 && exit.signal === null && wasReady;
  const uptimeMs = endedAt.at - startedAt.at;
  const words = lastWords(exit, wasReady);
  const why = `${ending(exit)}${exit.spawnError === null ? ` after ${span(uptimeMs)}` : ''}${words === null ? '' : `: ${words}`}`;
  const kind = permanent ? 'config' : stopped ? 'graceful' : 'unknown';
  const ended = { ...replica, lastExit: lastExit(replica, startedAt, exit, kind, scene, endedAt) };
  if (stopped) return endedByItself(ended, why, scene);
  return permanent && !goalIsDown(ended)
    ? andThen(crash(ended, exit, why, scene), (r) => fail(r, scene, why, null))
    : crashed(ended, exit, why, scene);
}

/** Exit 0 after ready is a stop, not a crash: the engine was told to end by somebody else. */
function endedByItself(replica: Replica, why: string, scene: Scene): Turn {
  if (goalIsDown(replica)) return rest(replica, scene);
  if (scene.spec.restart.policy === 'always') return backOff(replica, 'crash', why, scene);
  return rest(replica, scene, `${why}, and restart.policy ${scene.spec.restart.policy} leaves it so`);
}

function crashed(replica: Replica, exit: ExitEvidence, why: string, scene: Scene): Turn {
  return andThen(crash(replica, exit, why, scene), (r) => afterFailure(r, why, 'crash', scene));
}

/** Counts the crash and tells it. */
function crash(before: Replica, exit: ExitEvidence, why: string, scene: Scene): Turn {
  const replica = {
    ...before,
    crashCount: before.crashCount + 1,
    crashesTotal: before.crashesTotal + 1,
    lastCrashAt: now(scene),
    lastError: why,
  };
  const told = tell(replica, scene, {
    event: 'replica.crashed',
    level: 'error',
    engine_version: versionOf(before),
    exit_code: exit.code,
    signal: exit.signal,
    crash_class: replica.lastExit?.class ?? 'unknown',
    uptime_seconds: Math.round(replica.lastExit?.uptimeMs ?? 0) / 1000,
    crash_count: replica.crashCount,
    last_error: why,
    last_lines: exit.lastLines,
  });
  return { replica, effects: [], events: [told] };
}

function afterFailure(replica: Replica, why: string, cause: 'crash' | 'health', scene: Scene): Turn {
  if (goalIsDown(replica)) return rest(replica, scene);
  if (scene.spec.restart.policy === 'never')
    return fail(replica, scene, why, `restart.policy is never; poolctl start ${replica.key} tries again`);
  return backOff(replica, cause, why, scene);
}

const goalIsDown = ({ goal }: Replica): boolean => goal === 'down';

function versionOf({ life }: Replica): string | null {
  return life.state === 'ready' || life.state === 'unhealthy' ? life.description.engineVersion : null;
}

function lastExit(
  replica: Replica,
  startedAt: Moment,
  { code, signal, lastLines }: ExitEvidence,
  kind: LastExit['class'],
  scene: Scene,
  at = now(scene),
): LastExit {
  return {
    code,
    signal,
    class: kind,
    evidence: null,
    hint: null,
    lastLines,
    restartable: kind !== 'config',
    at,
    uptimeMs: at.at - startedAt.at,
    incarnation: replica.incarnation,
  };
}

function reasonOf(intent: Intent): string {
  switch (intent.kind) {
    case 'asked':
      return 'asked to';
    case 'crashed':
      return `${ending(intent.exit)}, and left processes of its group behind`;
    case 'deadline':
      return `not healthy after ${span(intent.afterMs)} (${intent.detail})`;
    case 'unhealthy':
      return `unhealthy for ${span(intent.afterMs)} (${intent.detail})`;
  }
}
