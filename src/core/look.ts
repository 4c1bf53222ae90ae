/** When the devices are looked at: now and then, and at once where a launch waits for it or an engine has just become ready. */

import type { Instant } from './model.js';
import { unreleased } from './release.js';
import { specFor } from './reload.js';
import type { Replica } from './replica.js';
import type { State } from './state.js';

/** Infinite while a look is out, and where no replica has a device. */
export function lookAt(state: State): Instant {
  const { devices, pools, inventory, shutdown } = state;
  if (devices.lookOut || shutdown !== null) return never;
  const regular = Math.min(devices.seenAt + inventory.supervisor.devicePollMs, freedAt(state));
  let earliest = never;
  for (const pool of pools.values()) {
    for (const replica of pool.replicas) {
      if (replica.mask.kind === 'cpu') continue;
      earliest = Math.min(earliest, regular, readyAt(replica, devices.askedAt));
      if (!isQueued(replica)) continue;
      const waits = unreleased(replica, specFor(pool, replica.key), state);
      if (waits !== null) earliest = Math.min(earliest, waits.lookAt ?? Number.NEGATIVE_INFINITY);
    }
  }
  return earliest;
}

/** Of an engine's end, what was looked at before does not tell whether its memory is free. */
function freedAt({ freed, devices: { askedAt } }: State): Instant {
  const last = freed.at(-1);
  return last !== undefined && last.at >= askedAt ? last.at : never;
}

/** Nor where one is that has become ready since. */
function readyAt({ life }: Replica, askedAt: Instant): Instant {
  if (life.state !== 'ready' || life.engine.launch.devices.length === 0) return never;
  return life.readyAt.at >= askedAt ? life.readyAt.at : never;
}

function isQueued({ life }: Replica): boolean {
  return life.state === 'preparing' && life.phase === 'queued';
}

const never = Number.POSITIVE_INFINITY;
