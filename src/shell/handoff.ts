/**
 * The file that says that a replica is ready. Synchronous on purpose: it is small, stands whole before `ready` is told, and is gone before
 * anything else is.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
    slots_free: facts.description.slotsTotal ?? 0,
    ready_at: new Date(facts.readyAtWallMs).toISOString(),
  };
}

/** Null, or why it could not be written. Readers see the old file or the whole new one. */
export function writeHandoff(path: string, handoff: Handoff): string | null {
  const temporary = `${path}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${JSON.stringify(handoff, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, path);
    return null;
  } catch (error) {
    return `cannot write the handoff file "${path}": ${(error as Error).message}`;
  }
}

/** Null, also when there is none; else why it is still there. */
export function removeHandoff(path: string): string | null {
  try {
    rmSync(path, { force: true });
    return null;
  } catch (error) {
    return `cannot remove the handoff file "${path}": ${(error as Error).message}`;
  }
}

/** Takes away what a killed supervisor left: nothing is ready when a supervisor begins. */
export function removeHandoffs(dir: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch {
    return;
  }
  for (const name of names) if (/\.json(\.tmp)?$/.test(name)) removeHandoff(join(dir, name));
}
