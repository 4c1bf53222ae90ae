/** Whether an engine is where its mask puts it: on all of its devices, and nowhere else. */

import type { Offload } from './messages.js';
import type { In } from './state.js';
import { type Scene, stay, type Turn, tell } from './turn.js';

/** Part of the model is left to the CPU. Whoever says so in the arguments wants it; the shell does not tell of those. */
export function offloaded(
  replica: In<'starting'> | In<'ready'> | In<'unhealthy'>,
  { offload: { layers, of } }: { readonly offload: Offload },
  scene: Scene,
): Turn {
  if (layers >= of || replica.life.engine.launch.devices.length === 0) return stay(replica);
  const reason = `${layers} of ${of} layers are on its devices, the others on the CPU`;
  return { ...stay(replica), events: [tell(replica, scene, { event: 'device.mismatch', level: 'warn', reason })] };
}
