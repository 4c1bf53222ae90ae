/**
 * The file that says that a replica is ready. Synchronous on purpose: it is small, stands whole before `ready` is told, and is gone before
 * anything else is.
 */

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { HandoffFacts, Launch } from '../core/messages.js';
import { shownReference } from '../core/reference.js';

export type Handoff = {
  readonly pool_id: string;
  readonly replica_id: string;
  readonly engine: string;
  readonly engine_version: string | null;
  readonly url: string;
  readonly pid: number;
  readonly device_mask: string;
  readonly model: { readonly id: string | null; readonly ref: string | null; readonly path: string | null };
  readonly flags: readonly string[];
  readonly slots_total: number | null;
  readonly slots_free: number;
  readonly ready_at: string;
};

/** `modelPath` is the model's local file where it has one; `flags` are the engine's arguments, secrets taken out by the caller. */
export function handoffOf(
  launch: Launch,
  facts: HandoffFacts,
  { modelPath, flags }: { readonly modelPath: string | null; readonly flags: readonly string[] },
): Handoff {
  const { spec, key, mask } = launch;
  return {
    pool_id: spec.poolId,
    replica_id: key.slice(spec.poolId.length + 1),
    engine: spec.engine,
    engine_version: facts.description.engineVersion,
    url: facts.url,
    pid: facts.pid,
    device_mask: mask.written,
    model: { id: spec.modelId, ref: spec.model === null ? null : shownReference(spec.model), path: modelPath },
    flags,
    slots_total: facts.description.slotsTotal,
    slots_free: facts.description.slotsTotal ?? 1,
    ready_at: new Date(facts.readyAtWallMs).toISOString(),
  };
}

export function handoffText(handoff: Handoff): string {
  return `${JSON.stringify(handoff, null, 2)}\n`;
}

/** Takes away what a killed supervisor left: nothing is ready when a supervisor begins. */
export function removeHandoffs(dir: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch {
    return;
  }
  for (const name of names) if (/\.json(\.tmp)?$/.test(name)) rmSync(join(dir, name), { force: true });
}
