/** The ring's one function: state and input in; state, answer, effects and events out. Pure. */

import type { Answer } from './answers.js';
import { applyPlan, askApply, followApply } from './applying.js';
import { crowdOf } from './crowd.js';
import { drainEnd } from './drain.js';
import { dueAt } from './due.js';
import type { Event } from './events.js';
import { gate } from './gate.js';
import { ask as askForLease, countOf, expire } from './lease.js';
import { isLeaving, type Life } from './life.js';
import { lookAt } from './look.js';
import { meansFor } from './means.js';
import type { Context, Effect, Input } from './messages.js';
import { type DeviceNews, hearOf, observeDevices } from './observe.js';
import { advance } from './operation.js';
import { sightOf } from './placement.js';
import { withoutLeftovers } from './release.js';
import { beforeReload, specFor } from './reload.js';
import { askReload, followReloads, tellBack, verify, verifying } from './reloading.js';
import type { Replica } from './replica.js';
import { ask, shutDown } from './requests.js';
import { now, type Operation, type State } from './state.js';
import { limited } from './weather.js';
import type { Wish } from './wish.js';
import { Work } from './work.js';

export type Step = {
  readonly state: State;
  readonly answer: Answer | null;
  readonly effects: readonly Effect[];
  readonly events: readonly Event[];
};

export function step(state: State, input: Input, context: Context): Step {
  const work = new Work(state, context, 'correlationId' in input ? input.correlationId : null);
  const answer = take(work, input);
  endDrains(work);
  followReloads(work);
  followApply(work);
  followOperations(work);
  admit(work);
  endIfDone(work);
  look(work);
  return { state: work.state, answer, effects: work.effects, events: work.events };
}

function take(work: Work, input: Input): Answer | null {
  switch (input.type) {
    case 'requested':
      return carryOut(work, ask(work.state, input, work.context));
    case 'shutdown-requested':
      return carryOut(work, shutDown(work.state, input, work.context));
    case 'reload-requested':
      return carryOut(work, askReload(work.state, input, work.context));
    case 'apply-requested':
      return carryOut(work, askApply(work.state, input, work.context));
    case 'verified':
      verify(work, input, input);
      return null;
    case 'verifying':
      verifying(work, input, input.staging);
      return null;
    case 'lease-requested':
    case 'lease-renewed':
    case 'lease-released': {
      endLeases(work);
      const { answer, ...leased } = askForLease(work.state, input, work.context);
      work.changeLeases(leased);
      return answer;
    }
    case 'woke':
      wake(work);
      endLeases(work);
      return null;
    case 'leftovers-gone':
      work.state = withoutLeftovers(work.state, work.context.now);
      return null;
    case 'devices-observed':
      tellDevices(work, observeDevices(work.state.devices, input.observation, work.context.now));
      seeEngines(work);
      return null;
    case 'device-reported':
      tellDevices(work, hearOf(work.state.devices, input.report, work.context.now));
      return null;
    case 'storage':
      work.events.push(
        input.error === null
          ? { event: 'storage.degraded', level: 'info', result: 'recovered', detail: input.what }
          : { event: 'storage.degraded', level: 'error', result: 'failed', detail: input.what, reason: input.error },
      );
      return null;
    case 'polled':
      if (input.inflight !== null) work.hearOfRequests(input.key, input.inflight);
      work.turn(input.key, input);
      return null;
    case 'checked':
    case 'staging':
    case 'spawned':
    case 'unspawned':
    case 'adopted':
    case 'died':
    case 'exited':
    case 'swept':
    case 'probed':
    case 'generated':
    case 'alarmed':
    case 'offloaded':
      work.turn(input.key, input);
      return null;
  }
}

/** Whose time has passed. Also before each wish: a supervisor that was stopped may hear of it before its alarm. */
function endLeases(work: Work): void {
  work.changeLeases(expire(work.state.leases, work.context.now));
}

function tellDevices(work: Work, { devices, events }: DeviceNews): void {
  work.state = { ...work.state, devices };
  work.events.push(...events);
}

function seeEngines(work: Work): void {
  for (const { replicas } of work.state.pools.values()) {
    for (const replica of replicas) {
      const sight = sightOf(replica, work.state);
      if (sight !== null) work.turn(replica.key, { type: 'seen', ...sight });
    }
  }
}

/** One look at a time. */
function look(work: Work): void {
  if (lookAt(work.state) > work.context.now) return;
  work.state = { ...work.state, devices: { ...work.state.devices, lookOut: true } };
  work.effects.push({ type: 'observe' });
}

/** Of hundreds of replicas few are due at a time: the others are not even asked. */
function wake(work: Work): void {
  for (const { replicas } of work.state.pools.values()) {
    for (const { key, life } of replicas) if (dueAt(life) <= work.context.now) work.turn(key, { type: 'woke' });
  }
}

function carryOut(work: Work, wish: Wish): Answer {
  if (!wish.ok) return { ok: false, refusal: wish.refusal };
  for (const operation of wish.cancelled) work.put(operation, 'finished');
  work.state = { ...work.state, shutdown: wish.shutdown };
  work.events.push(...wish.events);
  if (wish.begun !== null) work.put(wish.begun, 'started');
  if (wish.reload !== undefined) reloadAs(work, wish.reload);
  if (wish.apply !== undefined) applyPlan(work, wish.operationId, wish.apply);
  if (wish.shutdown !== null) forgetPlans(work);
  work.effects.push(...(wish.effects ?? []));
  for (const { key, fact } of wish.facts) work.turn(key, fact);
  return { ok: true, operationId: wish.operationId };
}

/** Everything stops: there is nothing left to switch. */
function forgetPlans(work: Work): void {
  for (const pool of work.state.pools.values()) {
    if (pool.reload === null) continue;
    // What the old model had come to is its own again: an engine that is kept, or a death on the way down, leaves it to the next supervisor.
    const replicas = pool.replicas.map((replica) => ({ ...beforeReload(pool, replica), life: replica.life }));
    work.putPool({ ...pool, reload: null, replicas });
  }
  if (work.state.apply !== null) work.state = { ...work.state, apply: null };
}

function reloadAs(work: Work, { poolId, reload }: NonNullable<Extract<Wish, { ok: true }>['reload']>): void {
  const pool = work.state.pools.get(poolId);
  if (pool === undefined) return;
  work.putPool({ ...pool, reload });
  tellBack(work, pool, reload);
}

/** Whoever drains may have nothing left to wait for, or no time. */
function endDrains(work: Work): void {
  for (const pool of work.state.pools.values()) {
    for (const { key, life } of pool.replicas) {
      if (!isLeaving(life)) continue;
      const end = drainEnd(life, countOf(work.state.leases, key), specFor(pool, key), work.context.now);
      if (end !== null) work.turn(key, { type: end === 'idle' ? 'idle' : 'woke' });
    }
  }
}

/** A step that has ended may end its operation, or let a restart turn to the next replica; until nothing moves. */
function followOperations(work: Work): void {
  for (const { id } of work.state.operations.values()) {
    for (let operation = work.state.operations.get(id); operation?.state === 'running' && !isFollowed(operation, work); ) {
      const { operation: after, next } = advance(operation, (key) => work.find(key), now(work.context));
      if (after === operation) break;
      work.put(after, after.state === 'running' ? null : 'finished');
      if (next !== null) work.turn(next, { type: 'restart', drainMs: operation.drainMs });
      operation = after;
    }
  }
}

/** A reload's replicas tell how far it is. */
function isFollowed({ id }: Operation, { state }: Work): boolean {
  return state.apply?.operationId === id || [...state.pools.values()].some(({ reload }) => reload?.operationId === id);
}

/** Opens the gate to those that wait, longest first; where no more may load at once, nobody need be asked. */
function admit(work: Work): void {
  const waiting: Replica[] = [];
  for (const { replicas } of work.state.pools.values())
    for (const replica of replicas) if (isQueued(replica)) waiting.push(replica);
  if (waiting.length === 0) return;
  const { total } = work.state.inventory.supervisor.loads;
  let crowd = crowdOf(work.state.pools);
  if (crowd.loading.length >= total) return;
  waiting.sort((a, b) => sinceOf(a) - sinceOf(b));
  for (const { key } of waiting) {
    if (crowd.pools !== work.state.pools) crowd = crowdOf(work.state.pools);
    if (crowd.loading.length >= total) return;
    const [replica, pool] = [work.find(key), work.poolOf(key)];
    if (replica === undefined || pool === undefined || !isQueued(replica)) continue;
    const verdict = gate(replica, work.state, work.context.now, crowd);
    if (verdict.open) work.turn(key, { type: 'admitted', means: meansFor(replica, pool, work.state, work.context.now) });
    else if (verdict.storm !== undefined && verdict.until !== null) {
      work.events.push(limited(pool.spec.poolId, verdict.storm));
      work.turn(key, { type: 'held', until: verdict.until, why: verdict.why });
    }
  }
}

/** A shutdown is done when every engine is gone or stuck; `--exit-on all-failed` begins one by itself. */
function endIfDone(work: Work): void {
  const { state } = work;
  if (state.shutdown === null && !state.exitOnAllFailed) return;
  const replicas = [...state.pools.values()].flatMap((pool) => pool.replicas);
  if (state.shutdown === null) {
    const wanted = replicas.filter(({ goal }) => goal === 'up');
    if (wanted.length === 0 || !wanted.every(({ life }) => life.state === 'failed')) return;
    carryOut(
      work,
      shutDown(
        state,
        { type: 'shutdown-requested', because: 'all engines failed', rung: 'drain', exit: 10, correlationId: null },
        work.context,
      ),
    );
    followOperations(work);
    endIfDone(work);
    return;
  }
  const { keep } = state.shutdown;
  const operation = state.operations.get(state.shutdown.operationId);
  if (operation === undefined || operation.state === 'running') return;
  // Engines without a place in this inventory are being ended as well; each has its own time for that.
  if (!keep && state.leftovers.length > 0) return;
  if (replicas.every(({ life }) => (keep ? !isMoving(life) : isOver(life))))
    work.effects.push({ type: 'end', exit: state.shutdown.exit });
}

const isOver = ({ state }: Life): boolean => state === 'stopped' || state === 'stuck' || state === 'failed';

/** A process that is being made or ended must not be left to chance. */
const isMoving = (life: Life): boolean => life.state === 'stopping' || (life.state === 'preparing' && life.phase === 'spawning');

function isQueued({ life }: Replica): boolean {
  return life.state === 'preparing' && life.phase === 'queued';
}

const sinceOf = ({ life }: Replica): number => (life.state === 'preparing' ? life.since : 0);
