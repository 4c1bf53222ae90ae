/** What nvidia-smi says of the health of one GPU, in words for those who must act. */

import type { Ailment } from '../core/model.js';
import { known } from './cells.js';

/** Null: healthy, as far as the tool can tell. `cells` are those of the GPU's row, by the tool's names of its fields. */
export function ailmentOf(cells: ReadonlyMap<string, string>): Ailment | null {
  const all = [...cells.values()];
  if (all.some((cell) => /GPU is lost/i.test(cell))) return { text: 'is lost, as nvidia-smi says', cure: 'reboot' };
  const asked = askedFor(cells.get('gpu_recovery_action') ?? '');
  if (asked !== null) return asked;
  if (all.some((cell) => /requires? reset/i.test(cell))) return needsReset;
  const broken = [...cells].some(([field, cell]) => !mayFail.has(field) && /^(?:ERR!|\[Unknown Error\])$/i.test(cell));
  return broken ? { text: 'answers nvidia-smi with errors', cure: null } : null;
}

const needsReset: Ailment = { text: 'needs a reset, as nvidia-smi says', cure: 'reset' };

/**
 * Power sensors of healthy laptop GPUs answer with an error, and these counters are not there on every GPU: that they cannot be read alone
 * proves nothing.
 */
const mayFail: ReadonlySet<string> = new Set([
  'power.draw',
  'pci.bus_id',
  'ecc.errors.uncorrected.volatile.total',
  'gpu_recovery_action',
]);

/**
 * The driver's own word for what must be done, of drivers from 565 on: None, Reset, Reboot, Drain P2P, Drain and Reset, and of the newest Bus
 * Reset, System Reboot, Recover IMEX Domain. After "Drain P2P" the driver decides anew, once work over several GPUs has ended; "Drain and
 * Reset" lets what runs go on. A word that is not known here stops launches too: the driver wants something done.
 */
function askedFor(cell: string): Ailment | null {
  const action = known(cell);
  if (action === null || /^(?:none|0)$/i.test(action)) return null;
  if (/reboot/i.test(action)) return { text: 'needs a reboot of the machine, as nvidia-smi says', cure: 'reboot' };
  if (/drain.*reset/i.test(action)) {
    return { text: 'runs at reduced capacity and needs a reset, as nvidia-smi says', cure: 'reset' };
  }
  if (/reset/i.test(action)) return needsReset;
  if (/drain/i.test(action)) {
    return { text: 'cannot be used before the work that it shares with other GPUs has ended, as nvidia-smi says', cure: null };
  }
  return { text: `needs "${action.slice(0, 60)}", as nvidia-smi says`, cure: null };
}
