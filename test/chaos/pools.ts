/** The inventory of a run: four pools, twelve engines, and policies so short that much happens in a minute. */

import { writeFileSync } from 'node:fs';
import type { Place } from './place.js';

/** Milliseconds that the judges need to know. */
export const policy = {
  graceMs: 1_000,
  drainMs: 4_000,
  shutdownMs: 3_000,
  /** From here on an engine that would not die is told of, and waited for no more. */
  killWaitMs: 5_000,
  backoffMinMs: 300,
  backoffMaxMs: 3_000,
  breakerMaxMs: 8_000,
  stormWindowMs: 10_000,
  slots: 2,
} as const;

/** The longest waits of all policies one after another, a launch after each, and a machine that is busy. */
export const comeBackMs = policy.backoffMaxMs + policy.breakerMaxMs + policy.stormWindowMs + 25_000;

export type PoolId = 'chat' | 'code' | 'rank' | 'voice';

export const masks: Readonly<Record<PoolId, readonly (number | string)[]>> = {
  chat: [0, 1, 2, 3],
  code: ['4,5', 6],
  rank: ['cpu', 'cpu', 'cpu'],
  voice: ['cpu', 'cpu', 'cpu'],
};
export const gpuCount = 7;
export const poolIds = Object.keys(masks) as readonly PoolId[];

/** `chat/r0` … */
export const keysOf = (poolId: PoolId): readonly string[] => masks[poolId].map((_, index) => `${poolId}/r${index}`);
export const allKeys: readonly string[] = poolIds.flatMap(keysOf);

/** Models exist in name only; an engine of the bad one dies as soon as its port is open. */
export const models = {
  first: 'hf:demo/one',
  others: ['hf:demo/one', 'hf:demo/two', 'hf:demo/three'],
  bad: 'hf:demo/bad',
} as const;

/** What people have changed in the file, by pool. */
export type Edits = Record<PoolId, { readonly env: number; readonly keep: number }>;
export const unedited = (): Edits => ({
  chat: { env: 0, keep: 2 },
  code: { env: 0, keep: 2 },
  rank: { env: 0, keep: 2 },
  voice: { env: 0, keep: 2 },
});

export function writeInventory(place: Place, edits: Edits): void {
  // JSON is YAML.
  writeFileSync(place.inventory, JSON.stringify(inventory(place.ports, edits), null, 1));
}

function inventory(ports: string, edits: Edits): object {
  return {
    version: 1,
    supervisor: {
      ports,
      shutdown_deadline: ms(policy.shutdownMs),
      loads: { per_device: 1, total: 4 },
      events: { max_size: '1MiB', keep: 1 },
      device_poll: '3s',
      engine_poll: '2s',
      device_storm: { limit: 100, window: '30s' },
    },
    defaults: {
      engine: 'demo',
      model: models.first,
      args: ['--load-time', '300', '--order', 'crash?after=100&model=bad'],
      slots: policy.slots,
      health: {
        startup_interval: '100ms',
        startup_deadline: '15s',
        interval: '500ms',
        timeout: '1s',
        restart_after: '3s',
        min_uptime: '100ms',
      },
      stop: { grace: ms(policy.graceMs) },
      drain: { deadline: ms(policy.drainMs) },
      reload: { min_healthy: '300ms' },
      logs: { max_size: '256KiB', keep: 2 },
      restart: {
        policy: 'always',
        backoff: { initial: '400ms', max: ms(policy.backoffMaxMs), min: ms(policy.backoffMinMs), reset_after: '5s' },
        breaker: {
          threshold: 4,
          open_for: '2s',
          max_open_for: ms(policy.breakerMaxMs),
          close_after: '2s',
        },
        storm: { limit: 100, window: '30s', trip: { count: 200, window: '30s' } },
      },
    },
    pools: {
      chat: pool('chat', edits, {}),
      code: pool('code', edits, { drain: { inflight: 'off' } }),
      rank: pool('rank', edits, { reload: { strategy: 'recreate' } }),
      // This one meets its storm limits.
      voice: pool('voice', edits, {
        restart: {
          storm: {
            limit: 6,
            window: ms(policy.stormWindowMs),
            warn_at: 4,
            trip: { count: 9, window: ms(policy.stormWindowMs) },
            reset_after: '20s',
          },
        },
      }),
    },
  };
}

function pool(poolId: PoolId, edits: Edits, more: object): object {
  const { env, keep } = edits[poolId];
  return { device_masks: masks[poolId], env: { CHAOS_EDIT: String(env) }, logs: { keep }, ...more };
}

const ms = (value: number): string => `${value}ms`;
