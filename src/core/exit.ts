/** What an exit means: a stop, a crash of some class, and what comes next. */

import { restAlone } from './alone.js';
import { hurt, openOnes, withBreakers } from './breakers.js';
import type { CrashClass, Diagnosis } from './crash.js';
import type { ExitEvidence } from './facts.js';
import { type Engine, type Intent, isLive } from './life.js';
import type { Moment } from './model.js';
import type { LastExit, Replica } from './replica.js';
import { backOff, breakOff, fail, isOfGpu, queue, rest } from './rest.js';
import { now } from './state.js';
import { mayPass, repetition, tooOften } from './tries.js';
import { andThen, type Scene, type Turn, tell } from './turn.js';
import { ending, lastWords, span } from './words.js';

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
/** A configuration that was ready in this time can work: what looks like its mistake is something else's. */
const provenForMs = 7 * 24 * 3_600_000;

/** An engine's time, from its start to its end, and whether it ever served. */
export type Span = { readonly startedAt: Moment; readonly endedAt: Moment; readonly wasReady: boolean };

/** We asked for it: no crash, whatever the code. */
export function judgeStop(
  replica: Replica,
  exit: ExitEvidence,
  startedAt: Moment,
  cause: 'operator' | 'reload' | 'apply' | 'start',
  scene: Scene,
): Turn {
  const ended = { ...replica, lastExit: lastExit(replica, { exit, startedAt, endedAt: now(scene) }, asAsked) };
  return replica.goal === 'up' ? queue(ended, cause, scene) : rest(ended, scene);
}

/** An unasked exit: a stop, a failure that would only repeat itself, or a crash. */
export function judgeExit(replica: Replica, exit: ExitEvidence, { startedAt, endedAt, wasReady }: Span, scene: Scene): Turn {
  const found = verdictOf(exit, wasReady);
  const uptimeMs = endedAt.at - startedAt.at;
  const words = found.evidence?.text ?? kernelsWord(exit, found) ?? lastWords(exit, wasReady);
  const why = `${ending(exit)}${exit.spawnError === null ? ` after ${span(uptimeMs)}` : ''}${words === null ? '' : `: ${words}`}`;
  const provenAt = wasReady ? stillProven(replica, endedAt) : replica.provenAt;
  const ended = { ...replica, provenAt, lastExit: lastExit(replica, { exit, startedAt, endedAt }, found) };
  if (found.class === 'graceful') return endedByItself(ended, why, scene);
  return crashed(ended, exit, why, { cause: 'crash', wasReady }, scene);
}

/** One that served proves its entry until its end; where that has changed since, it proves nothing of the new one. */
const stillProven = ({ provenAt }: Replica, endedAt: Moment): Replica['provenAt'] => (provenAt === null ? null : endedAt);

/** It was not healthy by its startup deadline. */
export function judgeDeadline(
  replica: Replica,
  exit: ExitEvidence,
  startedAt: Moment,
  { afterMs, detail }: Extract<Intent, { kind: 'deadline' }>,
  scene: Scene,
): Turn {
  const why = `health check failed: not healthy after ${span(afterMs)} (${detail}); ${raiseDeadline}`;
  const found = hanging(exit, 'startup_deadline', raiseDeadline);
  const ended = { ...replica, lastExit: lastExit(replica, { exit, startedAt, endedAt: now(scene) }, found) };
  return crashed(ended, exit, why, { cause: 'crash', wasReady: false }, scene);
}

const raiseDeadline = 'raise health.startup_deadline if it needs longer to load';

/** It was unhealthy for too long. */
export function judgeUnhealthy(
  replica: Replica,
  exit: ExitEvidence,
  startedAt: Moment,
  { afterMs, detail }: Extract<Intent, { kind: 'unhealthy' }>,
  scene: Scene,
): Turn {
  const why = `health check failed: unhealthy for ${span(afterMs)} (${detail})`;
  const found = hanging(exit, 'unresponsive', 'raise health.timeout or health.restart_after if it was only busy');
  const endedAt = now(scene);
  const ended = {
    ...replica,
    provenAt: stillProven(replica, endedAt),
    lastExit: lastExit(replica, { exit, startedAt, endedAt }, found),
  };
  return crashed(ended, exit, why, { cause: 'health', wasReady: true }, scene);
}

/** Its own log told of an error that only a new process cures. */
export function judgeSick(
  replica: Replica,
  exit: ExitEvidence,
  startedAt: Moment,
  { alarm, wasReady }: Extract<Intent, { kind: 'sick' }>,
  scene: Scene,
): Turn {
  const { text, line } = alarm;
  // The log's own diagnosis knows more, such as a cure; where it comes to another end, what made us act stands.
  const told = exit.diagnosis?.class === alarm.class ? exit.diagnosis : null;
  const found: Found = {
    class: alarm.class,
    subclass: told?.subclass ?? alarm.subclass,
    evidence: told?.evidence ?? { line, text },
    hint: told?.hint ?? null,
    restartable: told?.restartable ?? true,
    confidence: 'high',
    cure: told?.cure ?? null,
  };
  const endedAt = now(scene);
  const ended = {
    ...replica,
    provenAt: wasReady ? stillProven(replica, endedAt) : replica.provenAt,
    lastExit: lastExit(replica, { exit, startedAt, endedAt }, found),
  };
  return crashed(ended, exit, `restarted, since its log says: ${text}`, { cause: 'crash', wasReady }, scene);
}

type Found = Pick<LastExit, 'class' | 'subclass' | 'evidence' | 'hint' | 'restartable' | 'confidence' | 'cure'>;

const nothing: Found = {
  class: 'unknown',
  subclass: null,
  evidence: null,
  hint: null,
  restartable: true,
  confidence: 'low',
  cure: null,
};
const asAsked: Found = { ...nothing, class: 'graceful', confidence: 'high' };

/** Exit 0 after ready, without evidence to the contrary, is a stop: the engine was told to end by somebody else. Nothing else unasked is. */
function verdictOf({ code, signal, spawnError, diagnosis }: ExitEvidence, wasReady: boolean): Found {
  if (spawnError !== null) {
    const permanent = permanentErrnos.has(spawnError.errno);
    return { ...nothing, class: permanent ? 'config' : 'unknown', restartable: !permanent, confidence: 'high' };
  }
  const cause = diagnosis !== null && diagnosis.class !== 'graceful' ? diagnosis : null;
  if (code === 0 && signal === null && wasReady && cause?.fatal !== true) return asAsked;
  return cause ?? nothing;
}

/** What the kernel says has no line in the engine's log. */
function kernelsWord({ diagnosis }: ExitEvidence, { class: of }: Found): string | null {
  const ofKernel = of === 'host_oom' || of === 'driver' || of === 'gpu_error';
  return ofKernel && diagnosis !== null ? diagnosis.summary.replace(/\.$/, '') : null;
}

function hanging({ diagnosis }: ExitEvidence, subclass: string, hint: string): Found {
  return { ...nothing, class: 'hang', subclass, hint, evidence: diagnosis?.fatal === true ? diagnosis.evidence : null };
}

function endedByItself(replica: Replica, why: string, scene: Scene): Turn {
  if (replica.goal === 'down') return restAlone(replica, scene);
  // At half-open one launch decides: one that ended by itself before it had served for long enough has decided nothing.
  if (scene.spec.restart.policy === 'always')
    return andThen(withBreakers(replica, 'unproved', scene), (after) =>
      openOnes(after.breakers).length > 0 ? breakOff(after, 'crash', why, scene) : backOff(after, 'crash', why, scene),
    );
  return rest(replica, scene, `${why}, and restart.policy ${scene.spec.restart.policy} leaves it so`);
}

type Failure = { readonly cause: 'crash' | 'health'; readonly wasReady: boolean };
/** `unmakeable`: there was no process, and there will be none, whatever this configuration could do before. */
type Judged = Failure & { readonly unmakeable: boolean };

/** Counts the crash, tells it, and decides what comes next. */
function crashed(replica: Replica, exit: ExitEvidence, why: string, failure: Failure, scene: Scene): Turn {
  const unmakeable = exit.spawnError !== null && permanentErrnos.has(exit.spawnError.errno);
  return andThen(counted(replica, exit, why, scene), (after) => afterFailure(after, why, { ...failure, unmakeable }, scene));
}

function counted(before: Replica, exit: ExitEvidence, why: string, scene: Scene): Turn {
  const last = before.lastExit;
  const replica = {
    ...before,
    crashCount: before.crashCount + 1,
    crashesTotal: before.crashesTotal + 1,
    lastCrashAt: now(scene),
    lastError: why,
    repeated: repetition(before.repeated, last?.subclass ?? null),
    vram: last?.class === 'vram_oom' ? afterOom(before, exit) : before.vram,
  };
  const told = tell(replica, scene, {
    event: 'replica.crashed',
    level: last?.class === 'host_oom' ? 'critical' : 'error',
    engine_version: versionOf(before),
    exit_code: exit.code,
    signal: exit.signal,
    crash_class: last?.class ?? 'unknown',
    uptime_seconds: Math.round(last?.uptimeMs ?? 0) / 1000,
    crash_count: replica.crashCount,
    last_error: why,
    last_lines: exit.lastLines,
    ...(last?.hint == null ? {} : { hint: last.hint }),
  });
  return { replica, effects: [], events: [told] };
}

function afterFailure(replica: Replica, why: string, { cause, wasReady, unmakeable }: Judged, scene: Scene): Turn {
  if (replica.goal === 'down') return restAlone(replica, scene);
  const hint = replica.lastExit?.hint ?? null;
  if (scene.spec.restart.policy === 'never')
    return fail(replica, scene, why, `restart.policy is never; poolctl start ${replica.key} tries again`);
  if (unmakeable || isPermanent(replica, wasReady, scene)) return fail(replica, scene, why, hint);
  const of: CrashClass = replica.lastExit?.class ?? 'unknown';
  const cure = replica.lastExit?.cure ?? null;
  return andThen(hurt(replica, isOfGpu(of) ? 'cuda' : 'general', cure !== null, scene), (after) =>
    openOnes(after.breakers).length > 0
      ? breakOff(after, cause, cure === null ? why : `${why}; ${cures[cure]}`, scene)
      : backOff(after, cause, why, scene),
  );
}

const cures = { reset: 'only a reset of the GPU cures this', reboot: 'only a reboot cures this' } as const;

/** Whether the same launch would fail the same way again. */
function isPermanent({ lastExit: last, repeated, provenAt }: Replica, wasReady: boolean, { now: at }: Scene): boolean {
  if (last === null || last.class !== 'config' || mayPass(last.subclass)) return tooOften(repeated);
  const proven = provenAt !== null && at - provenAt.at < provenForMs;
  return last.confidence === 'high' && !wasReady && !proven;
}

/** What was free on its devices when it was launched, and what it took to fail: what it held, as seen or by its own word, and asked for together. */
function afterOom({ life, vram }: Replica, { diagnosis }: ExitEvidence): Replica['vram'] {
  if (!isLive(life)) return vram;
  const seen = vram.peak?.instance === life.engine.launch.instance ? vram.peak.bytes : 0;
  const held = Math.max(seen, diagnosis?.usedBytes ?? 0);
  const needed = held + (diagnosis?.askedBytes ?? 0);
  const learntBytes = needed > 0 ? Math.max(needed, vram.learntBytes ?? 0) : vram.learntBytes;
  return { ...vram, learntBytes, before: freeBefore(life.engine) };
}

function freeBefore({ launch }: Engine): Replica['vram']['before'] {
  return launch.devices.flatMap(({ uuid, vramFreeBytes }) =>
    vramFreeBytes === null ? [] : [{ uuid, freeBytes: vramFreeBytes }],
  );
}

function versionOf({ life }: Replica): string | null {
  return isLive(life) ? life.engine.version : null;
}

type Ended = { readonly exit: ExitEvidence; readonly startedAt: Moment; readonly endedAt: Moment };

function lastExit(replica: Replica, { exit, startedAt, endedAt }: Ended, found: Found | Diagnosis): LastExit {
  return {
    code: exit.code,
    signal: exit.signal,
    class: found.class,
    subclass: found.subclass,
    evidence: found.evidence,
    hint: found.hint,
    confidence: found.confidence,
    cure: found.cure,
    lastLines: exit.lastLines,
    restartable: found.restartable,
    at: endedAt,
    uptimeMs: endedAt.at - startedAt.at,
    incarnation: replica.incarnation,
  };
}
