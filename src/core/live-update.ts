/** A living engine under other policies. What is due by them moves to where it would be, had they stood from the beginning. */

import { nextProbe } from './beat.js';
import type { Description } from './facts.js';
import { isLeaving, isLive, isServing, type Life, type Rewards } from './life.js';
import type { Effect } from './messages.js';
import type { Instant, PoolSpec } from './model.js';
import { pollingAtOnce, pollingByTheWay } from './polling.js';
import type { Replica } from './replica.js';
import { handoff } from './serving.js';

/** Policies, which no engine is told of. `autostart` is about the next start of the supervisor. */
const live: ReadonlySet<string> = new Set(['health', 'restart', 'drain', 'stop', 'logs', 'slots', 'reload', 'autostart']);

/** Whether a key of a pool's entry, as it stands in the file ("drain.deadline"), can change while its engines run. */
export const changesLive = (key: string): boolean => live.has(key.split('.')[0] ?? '');

/** The same engine under other policies: what of an entry can change while it runs. */
export function withPolicies(
  spec: PoolSpec,
  { health, restart, drain, stop, logs, slots, reload, autostart }: PoolSpec,
): PoolSpec {
  return { ...spec, health, restart, drain, stop, logs, slots, reload, autostart };
}

type Polls = { readonly before: number | null; readonly after: number | null };

/** `polls`: how often engines are asked for their requests. */
export function withNewPolicies(replica: Replica, to: PoolSpec, polls: Polls, now: Instant): Replica {
  const { life } = replica;
  if (life.state === 'preparing' && life.phase !== 'queued') return { ...replica, life: ordered(life, to) };
  if (!isLive(life)) return replica;
  const { launch } = life.engine;
  const spec = withPolicies(launch.spec, to);
  const after = { ...life, engine: { ...life.engine, launch: { ...launch, spec } } };
  if (JSON.stringify(spec) === JSON.stringify(launch.spec) && polls.before === polls.after) return replica;
  return { ...replica, life: moved(after, launch.spec, spec, polls, now) };
}

/** Its process may be being made: it goes by the new policies from its first moment, and the next supervisor knows it by them. */
function ordered(life: Extract<Life, { phase: 'checking' | 'spawning' }>, to: PoolSpec): Life {
  const spec = withPolicies(life.launch.spec, to);
  const launch = { ...life.launch, spec };
  if (life.phase === 'checking') return { ...life, launch };
  const { startupDeadlineMs } = spec.health;
  const sought = life.sought?.refusal === null ? { refusal: null, entry: null } : life.sought;
  return {
    ...life,
    launch,
    sought,
    startupDeadlineMs: startupDeadlineMs === 'auto' ? life.startupDeadlineMs : startupDeadlineMs,
  };
}

/** Clients read the slots there. */
export function handoffAfter({ life: before }: Replica, { life: after }: Replica): readonly Effect[] {
  if (before.state !== 'ready' || after.state !== 'ready') return [];
  return before.description.slotsTotal === after.description.slotsTotal ? [] : [handoff(after)];
}

function moved(life: Life, before: PoolSpec, after: PoolSpec, polls: Polls, now: Instant): Life {
  if (life.state === 'starting') {
    const { resumed } = life;
    const known = resumed && {
      ...resumed,
      description: described(resumed.description, before, after),
      rewards: resumed.rewards && rewards(resumed.rewards, before, after),
    };
    return { ...life, ...loading(life, before, after, now), resumed: known };
  }
  if (!isServing(life)) return life;
  const description = described(life.description, before, after);
  const probed = after.health.path !== 'none';
  const serving = {
    ...life,
    ...rewards(life, before, after),
    probing: probing(life, before, after, description.slotsTotal === null, now),
    lastHeartbeatWallMs: probed ? life.lastHeartbeatWallMs : null,
    polling: polling(life, before, after, polls, now),
    description,
  };
  switch (serving.state) {
    case 'ready':
      return { ...serving, generateAt: token(serving.generateAt, before, after, now) };
    case 'unhealthy':
      return { ...serving, restartAt: restart(serving, before, after, now) };
    default:
      return serving;
  }
}

/** Slots that the file leaves to the engine now are asked for. */
function described(description: Description, before: PoolSpec, after: PoolSpec): Description {
  if (before.slots === after.slots) return description;
  return { ...description, slotsTotal: after.slots === 'auto' ? null : after.slots };
}

type Loading = Extract<Life, { state: 'starting' }>;

/** Whoever sees a model load too slowly gives it more time while it does. What is left to the engine stays as it was worked out. */
function loading(
  { engine, resumed, probing, ...life }: Loading,
  before: PoolSpec,
  after: PoolSpec,
  now: Instant,
): Partial<Loading> {
  const { startupDeadlineMs, path, minUptimeMs } = after.health;
  const asks = path !== 'none';
  const next =
    asks === (before.health.path !== 'none')
      ? loadingProbe(probing, life.healthySince, before, after, now)
      : { at: asks ? now : Math.max(now, engine.startedAt.at + minUptimeMs), startedAt: now };
  if (resumed !== null || startupDeadlineMs === 'auto' || startupDeadlineMs === before.health.startupDeadlineMs)
    return { probing: next };
  const deadline = engine.startedAt.at + startupDeadlineMs;
  return {
    probing: next,
    deadline,
    lastDeadline: Math.max(deadline, life.healthySince === null ? deadline : life.lastDeadline),
    startupDeadlineMs,
  };
}

/** One that is out comes back, and the next one goes by the new entry. Who is only watched any more is not kept waiting. */
function loadingProbe(
  probing: Loading['probing'],
  healthySince: Instant | null,
  { health: was }: PoolSpec,
  { health: is }: PoolSpec,
  now: Instant,
): Loading['probing'] {
  if (probing.at === null || is.path === 'none' || was.startupIntervalMs === is.startupIntervalMs) return probing;
  const at = nextProbe(probing.startedAt, is.startupIntervalMs, now);
  return { ...probing, at: healthySince === null ? at : Math.min(probing.at, at) };
}

type Serving = Extract<Life, { state: 'ready' | 'unhealthy' | 'draining' }>;

/** `asks`: it is to tell of itself once more. A probe that is out comes back, and the next one goes by the new entry. */
function probing({ probing: of }: Serving, before: PoolSpec, after: PoolSpec, asks: boolean, now: Instant): Serving['probing'] {
  if (after.health.path === 'none') return { at: null, startedAt: of.startedAt };
  if (before.health.path === 'none') return { at: now, startedAt: now };
  if (of.at === null) return of;
  const { intervalMs } = after.health;
  return { ...of, at: asks ? now : intervalMs === before.health.intervalMs ? of.at : nextProbe(of.startedAt, intervalMs, now) };
}

/** One that is to go is asked every second, from when its requests count. */
function polling(life: Serving, before: PoolSpec, after: PoolSpec, polls: Polls, now: Instant): Serving['polling'] {
  const counts = before.drain.inflight === 'off' && after.drain.inflight === 'auto';
  if (life.state === 'draining') return counts ? pollingAtOnce(life.polling, now) : life.polling;
  return polls.before === polls.after || isLeaving(life) ? life.polling : pollingByTheWay(life.polling, polls.after, now);
}

function rewards({ stableAt, calmAt, closeAt }: Rewards, { restart: was }: PoolSpec, { restart: is }: PoolSpec): Rewards {
  const later = (at: Instant | null, from: number, to: number): Instant | null => (at === null ? null : at + to - from);
  return {
    stableAt: later(stableAt, was.backoff.resetAfterMs, is.backoff.resetAfterMs),
    calmAt: later(calmAt, was.storm.resetAfterMs, is.storm.resetAfterMs),
    closeAt: later(closeAt, was.breaker.closeAfterMs, is.breaker.closeAfterMs),
  };
}

/** Null also while one is being made: what comes after that goes by the new entry. */
function token(at: Instant | null, before: PoolSpec, after: PoolSpec, now: Instant): Instant | null {
  const [was, is] = [before.health.generate.everyMs, after.health.generate.everyMs];
  if (was === is) return at;
  if (is === null) return null;
  return was === null ? now + is : at === null ? null : Math.max(now, at - was + is);
}

/** What nobody probes any more cannot fail its probes: it is well again as soon as it is looked at. */
function restart(
  { restartAt, sickness, since }: Extract<Life, { state: 'unhealthy' }>,
  before: PoolSpec,
  after: PoolSpec,
  now: Instant,
): Instant | null {
  if (sickness.kind === 'sticky') return restartAt;
  if (sickness.kind === 'probes' && after.health.path === 'none') return now;
  const { restartAfterMs } = after.health;
  if (restartAfterMs === before.health.restartAfterMs) return restartAt;
  return restartAfterMs === 'never' ? null : Math.max(now, since + restartAfterMs);
}
