/** Do the ratios of `tensor_split` fit the masks? */

import { type Check, problem } from '../draft.js';
import type { Complaint } from '../problem.js';
import { devicesOf, settledDevices } from './masks.js';

/** Room for ratios such as 0.333. */
const tolerance = 0.005;

export const checkSplits: Check = (draft, { devices: observation }) => {
  const devices = settledDevices(observation);
  return draft.pools.flatMap((pool) => {
    const ratios = pool.settings.tensor_split;
    if (ratios === null || pool.isSpoilt('tensor_split') || pool.isSpoilt('device_masks')) return [];
    const sum = ratios.reduce((total, ratio) => total + ratio, 0);
    const complaints: Complaint[] = [];
    if (Math.abs(sum - 1) > tolerance) {
      complaints.push({
        code: 'SPLIT_MISMATCH',
        message: `the ratios of ${name(pool.id)} must have the sum 1.0, have ${Number(sum.toFixed(3))}`,
      });
    }
    for (const [i, mask] of pool.masks.entries()) {
      if (mask === null) continue;
      const found = devices === null ? null : devicesOf(pool, mask, devices);
      const count =
        mask.kind === 'cpu' ? 0 : found?.ok === true ? found.value.length : mask.kind === 'list' ? mask.ids.length : null;
      if (count === null || count === ratios.length) continue;
      const message = `${name(pool.id)} has ${ratios.length} ratios, and the mask "${mask.written}" of r${i} has ${count} devices`;
      complaints.push({ code: 'SPLIT_MISMATCH', message, hint: 'one ratio for each device of the mask, in its order' });
    }
    return complaints.map((complaint) => problem(draft, pool.place(['tensor_split']), complaint));
  });
};

const name = (id: string): string => `pools.${id}.tensor_split`;
