/** The inventories that are simulated: four pools of three replicas, with policies drawn from the seed. */

import type { BackoffSpec, BreakerSpec, Inventory, MaskRef, PoolSpec, StormSpec } from '../../src/core/model.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';
import { modelOf } from './models.js';
import type { Random } from './random.js';

export const replicasPerPool = 3;

/** GPUs that the inventory wants: pools that share them, or have their own. */
export type Plan = { readonly inventory: Inventory; readonly gpus: number };

export function drawPlan(random: Random, probeMs: number): Plan {
  const share = random.chance(0.5);
  /** What an engine uses and a little more, so that two fit one after the other and not both at once; or nothing is said. */
  const need = (): number | null => (random.chance(0.6) ? 7.5 * 2 ** 30 : null);
  const spec = (poolId: string, more: Partial<PoolSpec>): PoolSpec => drawPool(poolId, random, probeMs, more);
  const inventory = inventoryOf(
    spec('chat', { engine: 'llamacpp', ...modelOf('chat', 'fine', 0), masks: onGpus(0), share, vramBytes: need() }),
    spec('code', {
      engine: 'vllm',
      ...modelOf('code', 'fine', 0),
      masks: onGpus(share ? 0 : replicasPerPool),
      share,
      vramBytes: need(),
    }),
    spec('rank', { engine: 'command', isolate: { ...poolSpec('rank', 1).isolate, dieWithSupervisor: random.chance(0.3) } }),
    spec('voice', { engine: 'demo', ...modelOf('voice', 'fine', 0) }),
  );
  const slow = probeMs >= 30_000;
  return {
    gpus: 2 * replicasPerPool,
    inventory: {
      ...inventory,
      supervisor: {
        ...inventory.supervisor,
        devicePollMs: slow ? 60_000 : 10_000,
        enginePollMs: random.chance(0.5) ? null : slow ? 300_000 : 30_000,
        adopt: random.chance(0.9),
        loads: { ...inventory.supervisor.loads, perDevice: 1 + random.below(2) },
      },
    },
  };
}

function drawPool(poolId: string, random: Random, intervalMs: number, more: Partial<PoolSpec>): PoolSpec {
  const base = poolSpec(poolId, replicasPerPool);
  const { engine = base.engine } = more;
  return { ...base, ...policies({ ...base, engine }, random, intervalMs), ...more };
}

/** The same engine under other policies: some of them, or all. `intervalMs`: how often it is probed by the way. */
export function drawPolicies(pool: PoolSpec, random: Random, intervalMs: number): PoolSpec {
  const { health, drain, reload, restart } = policies(pool, random, random.pick([intervalMs, intervalMs, 1.5 * intervalMs]));
  const others: Partial<PoolSpec> = {
    health,
    reload,
    restart,
    drain: { ...drain, deadlineMs: random.pick([20_000, 120_000, 300_000]) },
    stop: { ...pool.stop, graceMs: random.pick([2_000, 5_000, 15_000]) },
    slots: random.pick(['auto', 2, 6]),
    logs: { ...pool.logs, keep: random.below(9) },
  };
  const some = Object.entries(others).filter(() => random.chance(0.5));
  return { ...pool, ...Object.fromEntries(some) };
}

function policies(
  { engine, health, drain }: PoolSpec,
  random: Random,
  intervalMs: number,
): Pick<PoolSpec, 'health' | 'drain' | 'reload' | 'restart'> {
  return {
    health: {
      ...health,
      intervalMs,
      // While an engine loads nearly all that happens are its startup probes: they keep to the same beat.
      startupIntervalMs: intervalMs >= 30_000 ? intervalMs / 12 : health.startupIntervalMs,
      path: engine === 'command' && random.chance(0.3) ? 'none' : 'auto',
      startupDeadlineMs: random.chance(0.3) ? 60_000 : 'auto',
      failureThreshold: 1 + random.below(3),
      successThreshold: 1 + random.below(2),
      restartAfterMs: random.weighted<number | 'never'>([
        [6, 60_000],
        [2, 0],
        [1, 'never'],
      ]),
      generate: { ...health.generate, everyMs: random.chance(0.3) ? 10 * intervalMs : null },
    },
    drain: { ...drain, inflight: random.chance(0.7) ? 'auto' : 'off' },
    reload: {
      strategy: random.pick(['auto', 'auto', 'rolling', 'recreate']),
      minHealthyMs: random.pick([0, 2_000, 2_000, 30_000]),
    },
    restart: {
      policy: random.weighted([
        [7, 'on-failure' as const],
        [2, 'always' as const],
        [1, 'never' as const],
      ]),
      backoff: drawBackoff(first.backoff, random),
      breaker: drawBreaker(first.breaker, random),
      storm: drawStorm(first.storm, random),
    },
  };
}

const first = poolSpec('any', 1).restart;

function drawBackoff(base: BackoffSpec, random: Random): BackoffSpec {
  return random.chance(0.6) ? base : { ...base, initialMs: 200, maxMs: 5_000, minMs: 100, jitter: 0.5, resetAfterMs: 30_000 };
}

/** Some hold restarts back early, some trip before they hold anything back. */
function drawStorm(base: StormSpec, random: Random): StormSpec {
  return random.pick([
    base,
    { ...base, limit: 4, windowMs: 120_000, trip: { count: 100, windowMs: 120_000 } },
    { ...base, limit: 30, trip: { count: 8, windowMs: 300_000 } },
  ]);
}

function drawBreaker(base: BreakerSpec, random: Random): BreakerSpec {
  return random.chance(0.6) ? base : { ...base, threshold: 12, openForMs: 30_000, maxOpenForMs: 100_000, cudaThreshold: 2 };
}

function onGpus(first: number): readonly MaskRef[] {
  return Array.from({ length: replicasPerPool }, (_, n) => {
    const written = String(first + n);
    return { kind: 'list', written, ids: [written] } as const;
  });
}
