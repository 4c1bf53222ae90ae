/** What an engine says of itself, from its endpoints; the inventory's word on slots goes before its own. */

import type { Description } from '../core/facts.js';
import type { PoolSpec } from '../core/model.js';
import type { EngineAdapter } from '../engines/adapter.js';
import { ask, type Door } from './probes.js';

/** Asked in the adapter's order; the first that tells a field has said it. Unanswered questions leave null. Never rejects. */
export async function describeEngine(adapter: EngineAdapter, spec: PoolSpec, door: Door): Promise<Description> {
  let told: Description = { engineVersion: null, slotsTotal: adapter.slots(spec), ctxMax: null };
  for (const question of adapter.describe) {
    const answer = await ask(door, question);
    told = {
      engineVersion: told.engineVersion ?? answer?.engineVersion ?? null,
      slotsTotal: told.slotsTotal ?? answer?.slotsTotal ?? null,
      ctxMax: told.ctxMax ?? answer?.ctxMax ?? null,
    };
  }
  return told;
}
