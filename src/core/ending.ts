/** How an engine's life ends: the stop ladder, and the proof that nobody is left. What an exit means is in exit.ts. */

import { killWaitMs, restAlone } from './alone.js';
import { judgeDeadline, judgeExit, judgeSick, judgeStop, judgeUnhealthy } from './exit.js';
import type { ExitEvidence } from './facts.js';
import type { Engine, Intent } from './life.js';
import type { Effect } from './messages.js';
import type { In, Replica } from './replica.js';
import { queue, rest } from './rest.js';
import { now } from './state.js';
import { become, type Scene, stay, type Turn } from './turn.js';
import { reasonOf, span } from './words.js';

/** How often the kernel is asked who is left. */
const sweepEveryMs = { stopping: 100, stuck: 2_000 } as const;

type Ending = In<'stopping'> | In<'stuck'>;
type Served = In<'starting'> | In<'ready'> | In<'unhealthy'> | In<'draining'>;
type Crashed = Extract<Intent, { kind: 'crashed' }>;

/**
 * First rung: the pool's stop signal, then SIGKILL after its grace. What we are about to do is written down before it is done: a supervisor that
 * dies in between must not leave the next one to take it for a crash.
 */
export function terminate(replica: Replica, engine: Engine, intent: Intent, scene: Scene, first: readonly Effect[] = []): Turn {
  const deadline = scene.now + engine.launch.spec.stop.graceMs;
  return become(
    replica,
    { state: 'stopping', engine, intent, rung: 'term', deadline, exit: null, left: [], sweepAt: null },
    scene,
    {
      event: 'replica.stopping',
      because: intent.kind,
      reason: reasonOf(intent),
      ...(intent.kind === 'drained' ? { result: intent.forced ? 'forced' : 'drained' } : {}),
    },
    [...first, { type: 'record' }, signal(engine, intent, 'term')],
  );
}

/** A rung of the stop ladder. */
export function signal({ launch, identity }: Engine, intent: Intent, rung: 'term' | 'kill'): Effect {
  return { type: 'signal', launch, identity, rung, ordered: isOrdered(intent) };
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
      left: exit === null ? [engine.identity.pid] : [],
      sweepAt: exit === null ? null : scene.now + sweepEveryMs.stopping,
    },
    scene,
    { event: 'replica.stopping', because: intent.kind, reason: reasonOf(intent) },
    [...first, { type: 'record' }, signal(engine, intent, 'kill')],
  );
}

/** The third Ctrl-C: no more grace. */
export function killNow(replica: In<'stopping'>, _: unknown, scene: Scene): Turn {
  return replica.life.rung === 'kill' ? stay(replica) : escalate(replica, scene);
}

/** A rung's time has passed, or it is time to ask the kernel again. */
export function stoppingWoke(replica: In<'stopping'>, _: unknown, scene: Scene): Turn {
  const { life } = replica;
  if (scene.now < life.deadline) return sweepIfDue(replica, scene);
  if (life.rung === 'term') return escalate(replica, scene);
  return life.left.length > 0 ? giveUp(replica, scene) : waitOn(replica, scene);
}

/** The kernel shows nobody any more: how it ended is still being found out, which on a busy machine takes its time, and nobody is stuck. */
function waitOn(replica: In<'stopping'>, scene: Scene): Turn {
  return stay({ ...replica, life: { ...replica.life, deadline: scene.now + killWaitMs } });
}

export function stuckWoke(replica: In<'stuck'>, _: unknown, scene: Scene): Turn {
  return sweepIfDue(replica, scene);
}

/** The leader is gone; whether its tree is, only the kernel can say. */
export function endingExited(
  replica: Ending,
  { exit, empty }: { readonly exit: ExitEvidence; readonly empty: boolean },
  scene: Scene,
): Turn {
  const { launch, identity } = replica.life.engine;
  const { intent } = replica.life;
  if (intent.kind === 'crashed' && intent.exit === null) return concluded(replica, { ...intent, exit }, empty, scene);
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

/** It has ended, and nobody knows yet how. It is live no longer, and that is told at once; what follows waits until more is known. */
export function departed(replica: Served, _: unknown, scene: Scene): Turn {
  if (wentWithSupervisor(replica)) return stay(replica);
  const { engine } = replica.life;
  const intent: Intent = { kind: 'crashed', exit: null, wasReady: wasReady(replica), endedAt: now(scene) };
  return become(
    replica,
    { state: 'stopping', engine, intent, rung: 'kill', deadline: Number.POSITIVE_INFINITY, exit: null, left: [], sweepAt: null },
    scene,
    { event: 'replica.stopping', because: intent.kind, reason: reasonOf(intent) },
    [...withoutHandoff(replica), { type: 'record' }],
  );
}

/** How it ended is known now. */
function concluded(replica: Ending, intent: Crashed & { readonly exit: ExitEvidence }, empty: boolean, scene: Scene): Turn {
  const { engine } = replica.life;
  const { launch, identity, startedAt } = engine;
  if (empty) {
    const turn = judgeExit({ ...replica, died: engine }, intent.exit, { ...intent, startedAt }, scene);
    return { ...turn, effects: [{ type: 'sweep', launch, identity, mode: 'strays' }, ...turn.effects] };
  }
  const life = { ...replica.life, intent, exit: intent.exit, sweepAt: scene.now + sweepEveryMs.stopping };
  const ending = life.state === 'stopping' ? { ...life, deadline: scene.now + killWaitMs } : life;
  return stay({ ...replica, life: ending }, [{ type: 'record' }, signal(engine, intent, 'kill')]);
}

/**
 * An engine exited and nobody asked for it. A leader that leaves members of its group behind is followed by them first: a new engine beside an
 * old one's workers would find its memory and its port taken.
 */
export function exitedUnasked(
  replica: Served,
  { exit, empty }: { readonly exit: ExitEvidence; readonly empty: boolean },
  scene: Scene,
): Turn {
  const { engine } = replica.life;
  const first = withoutHandoff(replica);
  const went = wentWithSupervisor(replica);
  const served = { wasReady: wasReady(replica), endedAt: now(scene) };
  const intent: Intent = went ? { kind: 'replaced', why: 'its leader went with that one' } : { kind: 'crashed', exit, ...served };
  if (!empty) return kill(replica, engine, intent, scene, exit, first);
  const strays: Effect = { type: 'sweep', launch: engine.launch, identity: engine.identity, mode: 'strays' };
  const dead = { ...replica, died: engine };
  const turn = went ? launchedOrLeft(dead, scene) : judgeExit(dead, exit, { startedAt: engine.startedAt, ...served }, scene);
  return { ...turn, effects: [...first, strays, ...turn.effects] };
}

/** One that was being drained when it went is wanted no more. */
function launchedOrLeft(replica: Replica, scene: Scene): Turn {
  return replica.goal === 'up' ? queue(replica, 'start', scene) : restAlone(replica, scene);
}

function wasReady({ life }: Served): boolean {
  return life.state !== 'starting' || life.resumed !== null;
}

function withoutHandoff(replica: Served): readonly Effect[] {
  return wasReady(replica) ? [{ type: 'remove-handoff', key: replica.key }] : [];
}

/** Who had left the group of an engine that died has been looked for. */
export function strayed(replica: Replica): Turn {
  return stay(replica.died === null ? replica : { ...replica, died: null });
}

/** The process was never made: an exit with evidence, but no crash of an engine that ran. */
export function spawnFailed(replica: In<'preparing'>, { exit }: { readonly exit: ExitEvidence }, scene: Scene): Turn {
  return judgeExit(replica, exit, { startedAt: now(scene), wasReady: false, endedAt: now(scene) }, scene);
}

/** It was to die with the supervisor that launched it, and so it did, before this one met it: that is no crash. */
function wentWithSupervisor({ life }: Served): boolean {
  const { launch, adopted } = life.engine;
  return adopted && launch.spec.isolate.dieWithSupervisor && life.state === 'starting' && life.probing.at === null;
}

function escalate(replica: In<'stopping'>, scene: Scene): Turn {
  const { life } = replica;
  return stay(
    {
      ...replica,
      life: {
        ...life,
        rung: 'kill',
        deadline: scene.now + killWaitMs,
        // Until the kernel says otherwise.
        left: [life.engine.identity.pid],
        sweepAt: scene.now + sweepEveryMs.stopping,
      },
    },
    [signal(life.engine, life.intent, 'kill')],
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

/** Of such a one it is all the same how it ended: `settle` does not look at it. */
const isOrdered = ({ kind }: Intent): boolean => kind === 'asked' || kind === 'drained' || kind === 'replaced';

/** Nobody is left. What we did ourselves comes first: an exit that we asked for is no crash. */
function settle(replica: Ending, exit: ExitEvidence, scene: Scene): Turn {
  const { intent, engine } = replica.life;
  const { startedAt } = engine;
  switch (intent.kind) {
    case 'asked':
    case 'drained':
    case 'replaced':
      return judgeStop(replica, exit, startedAt, intent.kind === 'replaced' ? 'start' : scene.asked, scene);
    case 'strays': {
      const alone = { ...replica, died: null };
      return replica.goal === 'up' ? queue(alone, 'start', scene) : rest(alone, scene);
    }
    case 'crashed':
      return judgeExit(replica, intent.exit ?? exit, { startedAt, wasReady: intent.wasReady, endedAt: intent.endedAt }, scene);
    case 'deadline':
      return judgeDeadline(replica, exit, startedAt, intent, scene);
    case 'unhealthy':
      return judgeUnhealthy(replica, exit, startedAt, intent, scene);
    case 'sick':
      return judgeSick(replica, exit, startedAt, intent, scene);
  }
}
