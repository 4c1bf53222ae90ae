/** Whether a model could fit where its replicas are at all: what its tensors take, against all the memory that there is. */

import type { Obstacle, Verified } from './facts.js';
import { devicesOf } from './gate.js';
import type { Replica } from './replica.js';
import type { Pool, State } from './state.js';
import { gib } from './words.js';

/** Null also where nobody can say. An engine that can leave layers to the CPU has the machine's memory besides. */
export function unfit({ spec, replicas }: Pool, { modelBytes, hostTotalBytes }: Verified, state: State): Obstacle | null {
  if (modelBytes === null) return null;
  const onDeviceAlone = spec.engine === 'vllm' || spec.engine === 'sglang';
  for (const replica of replicas) {
    const vramBytes = vramOf(replica, state);
    const parts = onDeviceAlone && vramBytes !== 0 ? [vramBytes] : [vramBytes, hostTotalBytes];
    const known = parts.filter((part) => part !== null);
    const capacity = known.reduce((sum, part) => sum + part, 0);
    if (known.length < parts.length || modelBytes <= capacity) continue;
    const text = `its tensors take ${gib(modelBytes)}, and ${replica.key} (${replica.mask.written}) has ${gib(capacity)} in all`;
    return { what: 'memory', text };
  }
  return null;
}

/** Of all its devices together; null where that is not known, 0 where it has none. */
function vramOf(replica: Replica, state: State): number | null {
  const totals = devicesOf(replica, state).map(({ vramTotalBytes }) => vramTotalBytes);
  const known = totals.filter((total) => total !== null);
  return known.length < totals.length ? null : known.reduce((sum, total) => sum + total, 0);
}
