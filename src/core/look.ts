/** When the devices are looked at: now and then, and at once where a launch waits for it or an engine has just become ready. */

import type { Instant } from './model.js';
import { unreleased } from './release.js';
import type { Replica, State } from './state.js';

/** Infinite while a look is out, and where no replica has a device. */
export function lookAt(state: State): Instant {
  const { devices, pools, inventory, shutdown } = state;
  if (devices.lookOut || shutdown !== null) return never;
  let earliest = never;
  for (const { spec, replicas } of pools.values()) {
    for (const replica of replicas) {
      if (replica.mask.kind === 'cpu') continue;
      earliest = Math.min(earliest, devices.seenAt + inventory.supervisor.devicePollMs, wantedAt(replica, devices.askedAt));
      if (!isQueued(replica)) continue;
      const waits = unreleased(replica, spec, state);
      if (waits !== null) earliest = Math.min(earliest, waits.lookAt ?? Number.NEGATIVE_INFINITY);
    }
  }
  return earliest;
}

/** What was looked at before does not tell: of an engine's end, whether its memory is free; of a ready one, where it is. */
function wantedAt({ freed, life }: Replica, askedAt: Instant): Instant {
  const since: Instant =
    life.state === 'ready' && life.engine.launch.devices.length > 0 ? life.readyAt.at : (freed?.at ?? Number.NEGATIVE_INFINITY);
  return since >= askedAt ? since : never;
}

function isQueued({ life }: Replica): boolean {
  return life.state === 'preparing' && life.phase === 'queued';
}

const never = Number.POSITIVE_INFINITY;
