/** What one step does to the state: replicas take their turns, operations and leases follow. */

import { isForced } from './drain.js';
import { type Fact, turn } from './engine.js';
import type { Event } from './events.js';
import { devicesOf } from './gate.js';
import { countOf, type Leased, lose } from './lease.js';
import { isLive, isServing } from './life.js';
import type { Context, Effect } from './messages.js';
import { type PoolSpec, poolIdOf, type ReplicaKey, replicaKey } from './model.js';
import { trusted } from './observe.js';
import { prune, stepsTold, told, withCut, withInflight } from './operation.js';
import { withFreed } from './release.js';
import { isOnTrial, specFor } from './reload.js';
import type { Replica } from './replica.js';
import { now, type Operation, type Pool, replicaIn, type State } from './state.js';
import type { Restart } from './storm.js';
import { poolStorm, withDeviceRestart } from './weather.js';
import { reasonOf } from './words.js';

/** What one step has done so far. Lives no longer than the step. */
export class Work {
  readonly effects: Effect[] = [];
  readonly events: Event[] = [];

  constructor(
    public state: State,
    readonly context: Context,
    private readonly correlationId: string | null,
  ) {}

  poolOf(key: ReplicaKey): Pool | undefined {
    return this.state.pools.get(poolIdOf(key));
  }

  find(key: ReplicaKey): Replica | undefined {
    return replicaIn(this.state.pools, key);
  }

  turn(key: ReplicaKey, fact: Fact): void {
    const [pool, before] = [this.poolOf(key), this.find(key)];
    if (pool === undefined || before === undefined) return;
    // Name by name: spread, they take a third of the time of all steps.
    const { now, wallMs, rand, id } = this.context;
    const scene = {
      now,
      wallMs,
      rand,
      id,
      spec: specOf(pool, before),
      minHealthyMs: isOnTrial(pool, key) ? specFor(pool, key).reload.minHealthyMs : 0,
      asked: pool.reload?.cause ?? ('operator' as const),
      supervisor: this.state.inventory.supervisor,
      leases: isServing(before.life) ? countOf(this.state.leases, key) : 0,
      correlationId: this.correlationId,
    };
    const { replica, effects, events } = turn(before, fact, scene);
    this.effects.push(...effects);
    this.events.push(...events);
    if (replica !== before) this.replace(pool, replica);
    this.state = withFreed(this.state, before.life, replica.life, this.context.now);
    if (isServing(before.life) && !isServing(replica.life)) this.endService(before, replica, scene.leases);
    if (replica.restartsTotal > before.restartsTotal) this.countRestart(replica);
    if (fact.type === 'reset' && !fact.once) this.forgetTroubles(pool.spec.poolId, replica);
    if (replica.life.state === 'ready' && before.life.state !== 'ready') this.compareVersions(pool.spec.poolId);
  }

  putPool(pool: Pool): void {
    this.state = { ...this.state, pools: new Map(this.state.pools).set(pool.spec.poolId, pool) };
  }

  changeLeases({ leases, events }: Pick<Leased, 'leases' | 'events'>): void {
    if (leases !== this.state.leases) this.state = { ...this.state, leases };
    this.events.push(...events);
  }

  /** Its engine serves no more: its leases are lost, and whoever works on it is told how many. */
  private endService(before: Replica, after: Replica, lost: number): void {
    const { correlationId } = this;
    this.changeLeases(lose(this.state.leases, after.key, { reason: whyLost(after), correlationId }));
    const forced = isForced(before.life, after.life, lost);
    if (lost === 0 && !forced) return;
    for (const operation of this.state.operations.values()) {
      const cut = withCut(operation, after.key, lost, forced);
      if (cut !== operation) this.put(cut, null);
    }
  }

  /** Operations tell how many there were, as soon as that is known. */
  hearOfRequests(key: ReplicaKey, inflight: number): void {
    for (const operation of this.state.operations.values()) {
      const heard = withInflight(operation, key, inflight);
      if (heard !== operation) this.put(heard, null);
    }
  }

  put(operation: Operation, when: 'started' | 'finished' | null): void {
    const before = this.state.operations.get(operation.id);
    const operations = prune(new Map(this.state.operations).set(operation.id, operation), this.context);
    this.state = { ...this.state, operations };
    if (before !== undefined) this.events.push(...stepsTold(before, operation));
    if (when !== null) this.events.push(...told(operation, when));
  }

  /** One more for its pool and for each of its devices. A pool's may trip: then the breakers of all its replicas open. */
  private countRestart(replica: Replica): void {
    const pool = this.poolOf(replica.key);
    if (pool === undefined) return;
    const restart: Restart = { at: now(this.context), class: replica.lastExit?.class ?? 'unknown' };
    const { restarts, events, trip } = poolStorm(pool, restart);
    this.state = {
      ...this.state,
      pools: new Map(this.state.pools).set(pool.spec.poolId, { ...pool, restarts }),
      deviceRestarts: withDeviceRestart(replica, restart, this.state),
    };
    this.events.push(...events);
    if (trip !== null) for (const { key } of pool.replicas) this.turn(key, { type: 'tripped', ...trip });
  }

  /** Its pool's storm, and what the kernel has told of its devices: whoever resets has mended what it was. */
  private forgetTroubles(poolId: string, replica: Replica): void {
    const pool = this.state.pools.get(poolId);
    const own = devicesOf(replica, this.state);
    this.state = { ...this.state, devices: trusted(this.state.devices, own) };
    if (pool !== undefined) this.putPool({ ...pool, restarts: [] });
  }

  private replace(pool: Pool, replica: Replica): void {
    const replicas = pool.replicas.with(replica.index, replica);
    this.putPool({ ...pool, replicas });
  }

  /** Replicas of one pool that run different builds answer differently: told, not forbidden. */
  private compareVersions(poolId: string): void {
    const replicas = this.state.pools.get(poolId)?.replicas ?? [];
    const versions = new Map(
      replicas.flatMap(({ id, life }) =>
        'description' in life && life.description.engineVersion !== null ? [[life.description.engineVersion, id] as const] : [],
      ),
    );
    if (versions.size < 2) return;
    const detail = [...versions].map(([version, id]) => `${replicaKey(poolId, id)} ${version}`).join(', ');
    this.events.push({ event: 'engine_version.mixed', level: 'warn', pool_id: poolId, detail });
  }
}

/** An engine is asked for its health as it was launched, also while its pool is on its way to another entry, or back. */
function specOf(pool: Pool, { key, life }: Replica): PoolSpec {
  const spec = specFor(pool, key);
  return pool.reload === null || !isLive(life) ? spec : { ...spec, health: life.engine.launch.spec.health };
}

function whyLost({ life, lastError }: Replica): string {
  // One that died by itself, and whose strays are looked for, has died of what its exit told.
  if (life.state === 'stopping' && life.intent.kind !== 'strays') return `its engine is being ended: ${reasonOf(life.intent)}`;
  return lastError ?? 'its engine has ended';
}
