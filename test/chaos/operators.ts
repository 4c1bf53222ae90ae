/** Operators: any wish at any time. They keep their own book of what was accepted. */

import { readStat } from '../../src/host/proc.js';
import type { Random } from '../sim/random.js';
import type { Excuse } from './excuses.js';
import { seconds } from './goals.js';
import { comeBackMs, keysOf, models, type PoolId, policy, poolIds, writeInventory } from './pools.js';
import { type Part, pause, type Run } from './run-state.js';

type Verb = 'start' | 'stop' | 'restart' | 'drain' | 'reset' | 'reload' | 'apply';

type Wish = {
  readonly verb: Verb;
  readonly poolId: PoolId;
  readonly keys: readonly string[];
  readonly path: string;
  readonly body: object;
  /** From the moment that it is sent; infinite: it ends no engine. */
  readonly forceInMs: number;
  /** How long its answer may take, once it is accepted; infinite: no longer than the storm, and what comes back after it. */
  readonly answersInMs: number;
};

/** The ladder after a drain's deadline, and what a busy machine adds to it. */
const endingMs = policy.graceMs + policy.killWaitMs + 5_000;

export const operator: Part = async (run, random, signal) => {
  const open: Promise<void>[] = [];
  while (!signal.aborted) {
    await pause(random.exponential(900), signal);
    if (signal.aborted) break;
    const poolId = random.pick(poolIds);
    const before = run.turns.get(poolId);
    const turn = Promise.resolve(before).then(() => say(run, random, draw(run, random, poolId), open, signal));
    run.turns.set(poolId, turn);
    await turn;
  }
  await Promise.all(open);
};

function draw(run: Run, random: Random, poolId: PoolId): Wish {
  const verb = random.weighted<Verb>([
    [5, 'start'],
    [2, 'stop'],
    [3, 'restart'],
    [4, 'drain'],
    [2, 'reset'],
    [3, 'reload'],
    [2, 'apply'],
  ]);
  // Whom somebody works with rather than whom nobody would miss.
  const leased = run.leases.keys().filter((key) => keysOf(poolId).includes(key));
  const candidates = leased.length > 0 && random.chance(0.7) ? leased : keysOf(poolId);
  const one = random.chance(0.8) && verb !== 'reload' && verb !== 'apply' ? random.pick(candidates) : null;
  const keys = one === null ? keysOf(poolId) : [one];
  const deadline = random.chance(0.3) ? {} : { deadline_ms: Math.round(random.between(0, 5_000)) };
  const drainMs = deadline.deadline_ms ?? policy.drainMs;
  const of = (body: object, forceInMs: number, answersInMs = Number.POSITIVE_INFINITY): Wish => ({
    verb,
    poolId,
    keys,
    path: `/v2/pools/${poolId}/${verb}`,
    body: one === null ? body : { ...body, replica_id: one.split('/')[1] },
    forceInMs,
    answersInMs,
  });
  switch (verb) {
    case 'stop':
      return of({}, 0, endingMs);
    case 'drain':
      return of(random.chance(0.2) ? { ...deadline, extend: true } : deadline, drainMs, drainMs + endingMs);
    case 'restart':
      return random.chance(0.3) ? of({ now: true }, 0) : of(deadline, drainMs);
    case 'reload': {
      const model = random.chance(0.3) ? models.bad : random.pick(models.others);
      if (model === models.bad) run.spoilt.add(poolId);
      const within = deadline.deadline_ms === undefined ? {} : { drain_deadline_ms: drainMs };
      return of({ new_model_ref: model, ...within }, drainMs);
    }
    case 'apply':
      edit(run, random, poolId);
      return { ...of({}, policy.drainMs), path: '/v2/inventory/apply' };
    default:
      return of(random.chance(0.2) && verb === 'reset' ? { once: true } : {}, Number.POSITIVE_INFINITY);
  }
}

/** Half of the edits need no restart. */
function edit({ edits, place }: Run, random: Random, poolId: PoolId): void {
  const { env, keep } = edits[poolId];
  edits[poolId] = random.chance(0.5) ? { env: env + 1, keep } : { env, keep: 1 + (keep % 4) };
  writeInventory(place, edits);
}

async function say(run: Run, random: Random, wish: Wish, open: Promise<void>[], signal: AbortSignal): Promise<void> {
  const { verb, keys, path, body } = wish;
  const { chronicle, supervisor, excuses, goals, restarts } = run;
  const what = `${verb} ${keys.length === 1 ? keys[0] : wish.poolId} ${JSON.stringify(body)}`;
  const ends = verb === 'start' || verb === 'reset' ? [] : keys;
  restarts.asked(keys);
  // A file that was changed while no supervisor ran is the next one's from its first moment.
  const forceInMs = verb === 'apply' && supervisor.steadyMs() === 0 ? 0 : wish.forceInMs;
  const excuse = excuses.open(what, ends, forceInMs, verb === 'reload' || verb === 'apply');
  const { generation, heldMs } = supervisor;
  const wanted = wants[verb];
  const refused = wanted === null ? () => {} : goals.asking(keys, what);
  const answer = await supervisor.ask('POST', path, body, verb === 'reload' ? { prefer: 'respond-async' } : undefined);
  const result = answer === null ? 'no answer' : String(answer.status);
  chronicle.count('operations', `${verb} ${answer === null ? '-' : answer.status < 300 ? 'accepted' : 'refused'}`);
  chronicle.line(`operator: ${what} -> ${result}${answer !== null && answer.status > 299 ? ` ${answer.body.error?.code}` : ''}`);
  // It may have been heard all the same.
  if (answer === null) return;
  if (answer.status > 299) {
    refused();
    // What was edited stays so, and the next supervisor acts upon it.
    return verb === 'apply' ? undefined : excuses.close(excuse);
  }
  // A drain that is joined may end later than it says, but not earlier.
  const settlesInMs = Math.max(wish.forceInMs, verb === 'drain' ? policy.drainMs + 5_000 : 0) + endingMs;
  goals.uncertain(keysOf(wish.poolId).filter((key) => !keys.includes(key)));
  if (wanted !== null) for (const key of keys) goals.set(key, wanted, what, settlesInMs);
  if (run.fullSince !== null) goals.doubtSince(run.fullSince);
  const id: string | undefined = answer.body.operation_id;
  if (id === undefined) return excuses.close(excuse);
  open.push(followed(run, wish, { id, what, excuse, generation, heldMs }, signal));
  // The worst moment: what was promised just now must hold.
  if (random.chance(0.08) && run.mayDie) {
    chronicle.count('faults', 'supervisor killed right after a promise');
    await replace(run, `right after "${what}" was accepted`);
  }
}

const wants: Readonly<Record<Verb, 'up' | 'down' | null>> = {
  start: 'up',
  restart: 'up',
  reset: 'up',
  stop: 'down',
  drain: 'down',
  reload: null,
  apply: null,
};

type Accepted = {
  readonly id: string;
  readonly what: string;
  readonly excuse: Excuse;
  readonly generation: number;
  readonly heldMs: number;
};

/** Until the operation has ended, or its supervisor has. `signal`: the storm is over. */
async function followed(
  run: Run,
  wish: Wish,
  { id, what, excuse, generation, heldMs }: Accepted,
  signal: AbortSignal,
): Promise<void> {
  const { chronicle, supervisor, excuses, goals } = run;
  const begunAt = performance.now();
  let calmAt = Number.POSITIVE_INFINITY;
  while (supervisor.generation === generation && !chronicle.broken.aborted) {
    if (signal.aborted) calmAt = Math.min(calmAt, performance.now());
    const answer = await supervisor.ask('GET', `/v2/operations/${id}?wait_ms=2000`);
    if (answer === null) return;
    if (answer.status !== 200)
      return chronicle.violate(`the operation of "${what}" is not known to the supervisor that accepted it`);
    const now = performance.now() - (supervisor.heldMs - heldMs);
    if (answer.body.state !== 'running') {
      chronicle.count('seen', `${wish.verb} ${answer.body.outcome ?? answer.body.state}`);
      // One that has failed leaves those as they were whom it had not come to.
      if (wish.verb === 'restart' && answer.body.state === 'failed') goals.uncertain(wish.keys);
      // A cancelled one goes on where nobody was in its way; an apply that failed is for the next supervisor.
      const goesOn = answer.body.outcome === 'cancelled' || (wish.verb === 'apply' && answer.body.state !== 'succeeded');
      return goesOn ? undefined : excuses.close(excuse);
    }
    if (now > Math.max(begunAt + wish.answersInMs, latestForce(run, wish) + endingMs))
      return chronicle.violate(`"${what}" is not over ${seconds(now - begunAt)} after it was accepted`);
    // The model may be one that cannot be run, and its engines sick until the calm heals them: each has all of its tries.
    if (performance.now() > calmAt + 2 * comeBackMs)
      return chronicle.violate(`"${what}" is not over ${seconds(performance.now() - calmAt)} after the storm was`);
  }
}

/** Others may have given a drain more time. */
const latestForce = ({ excuses }: Run, { keys }: Wish): number =>
  Math.max(...keys.flatMap((key) => excuses.openOn(key)).map(({ forceFrom }) => forceFrom));

/** kill -9, and another one in its place. Leases do not outlive it; engines, goals and waits do. */
export function replace(run: Run, why: string, meanwhile: () => Promise<void> | void = () => {}): Promise<void> {
  const { supervisor, leases, chronicle } = run;
  return supervisor.inTurn(async () => {
    if (supervisor.steadyMs() === 0) return;
    chronicle.line(`kill -9 of the supervisor ${why}`);
    leases.lostAll();
    await supervisor.kill();
    supervisorGone(run);
    await endOrphanedHelpers(run);
    await meanwhile();
    await supervisor.up();
  });
}

/**
 * The supervisor is gone, and its leases with it. What happened while the disk was full stands nowhere: wishes are forgotten, and engines that
 * were launched since are not in the registry, so the next one ends them.
 */
export function supervisorGone({ fullSince, goals, excuses, leases, restarts, witness }: Run): void {
  leases.lostAll();
  restarts.forget();
  excuses.supervisorGone();
  if (fullSince === null) return;
  const launched = witness.alive.filter(({ bornAt }) => bornAt >= fullSince).map(({ key }) => key);
  excuses.open(
    'what a full disk has forgotten',
    [...goals.doubtSince(fullSince), ...excuses.askedSince(fullSince), ...launched],
    0,
  );
}

/** A tool that hangs outlives a supervisor that is killed, and nobody can know it again: we see to it. */
async function endOrphanedHelpers({ witness }: Run): Promise<void> {
  await witness.look();
  for (const { pid, instance } of witness.others) {
    const stat = readStat(pid);
    if (instance === null && stat !== null && stat.ppid === 1) process.kill(pid, 'SIGKILL');
  }
}
