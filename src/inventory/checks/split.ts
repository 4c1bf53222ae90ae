/** Can each pool's model be divided over the devices of its masks as its `tensor_split` and `args` say? */

import type { MaskRef } from '../../core/model.js';
import { ratioFaults, type SplitFault, takesSplit, workerFault } from '../../engines/split.js';
import { type Check, type DraftPool, problem } from '../draft.js';
import type { Complaint } from '../problem.js';
import { counted } from '../render.js';
import { devicesOf, settledDevices } from './masks.js';

/** Room for ratios such as 0.333. */
const tolerance = 0.005;

export const checkSplits: Check = (draft, { devices: observation }) => {
  const devices = settledDevices(observation);
  return draft.pools.flatMap((pool) => {
    if (pool.isSpoilt('tensor_split') || pool.isSpoilt('device_masks') || pool.isSpoilt('engine')) return [];
    const ofRatios = ratioComplaints(pool, countIn);
    const ofWorkers = pool.isSpoilt('args') ? [] : workerComplaints(pool, countIn);
    return [
      ...ofRatios.map((complaint) => problem(draft, pool.place(['tensor_split']), complaint)),
      ...ofWorkers.map((complaint) => problem(draft, pool.place(['args']), complaint)),
    ];

    /** How many devices a mask has; null where only the machine could tell. */
    function countIn(mask: MaskRef): number | null {
      const found = devices === null ? null : devicesOf(pool, mask, devices);
      if (mask.kind === 'cpu') return 0;
      return found?.ok === true ? found.value.length : mask.kind === 'list' ? mask.ids.length : null;
    }
  });
};

type CountIn = (mask: MaskRef) => number | null;

function ratioComplaints({ id, engine, settings, masks }: DraftPool, countIn: CountIn): readonly Complaint[] {
  const { tensor_split: ratios, args } = settings;
  if (ratios === null) return [];
  const name = `pools.${id}.tensor_split`;
  const complaints: Complaint[] = [];
  const sum = ratios.reduce((total, ratio) => total + ratio, 0);
  if (Math.abs(sum - 1) > tolerance) {
    const message = `the ratios of ${name} must have the sum 1.0, have ${Number(sum.toFixed(3))}`;
    complaints.push({ code: 'SPLIT_MISMATCH', message });
  }
  for (const [i, mask] of masks.entries()) {
    const count = mask === null ? null : countIn(mask);
    if (mask === null || count === null || count === ratios.length) continue;
    const message = `${name} has ${counted(ratios.length, 'ratio')}, and the mask "${mask.written}" of r${i} has ${counted(count, 'device')}`;
    complaints.push({ code: 'SPLIT_MISMATCH', message, hint: 'one ratio for each device of the mask, in its order' });
  }
  if (engine === null) return complaints;
  complaints.push(...ratioFaults(engine, { args, ratios }).map((fault) => mismatch(id, '', fault)));
  if (!takesSplit(engine)) {
    const message = `${name} has no effect: poolctl knows no flag by which engine ${engine} could be told`;
    complaints.push({ code: 'NO_EFFECT', severity: 'warning', message, hint: 'write the split into args or command' });
  }
  return complaints;
}

/** Once a count, however many masks have it. */
function workerComplaints({ id, engine, settings, masks }: DraftPool, countIn: CountIn): readonly Complaint[] {
  const { tensor_split: ratios, args } = settings;
  const judged = new Set<number>();
  return masks.flatMap((mask, i) => {
    const count = mask === null ? null : countIn(mask);
    // Without a device it runs on the CPU, where workers are no matter of the mask.
    if (engine === null || mask === null || count === null || count === 0 || judged.has(count)) return [];
    judged.add(count);
    const fault = workerFault(engine, { args, ratios }, count);
    return fault === null ? [] : [mismatch(id, ` over the mask "${mask.written}" of r${i}`, fault)];
  });
}

function mismatch(id: string, where: string, { message, hint }: SplitFault): Complaint {
  return { code: 'SPLIT_MISMATCH', message: `cannot split the model of pools.${id}${where}: ${message}`, hint };
}
