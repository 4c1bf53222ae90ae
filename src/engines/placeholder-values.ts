/** What `${PORT}` and its siblings stand for in one launch. */

import type { Launch } from '../core/messages.js';
import type { Resolved } from './adapter.js';
import { expandPlaceholders, type PlaceholderName } from './placeholders.js';

/** `slots` is the adapter's answer; where the engine is yet to be asked, 1, the smallest that works. Without a model its two are empty. */
export function placeholderValues(
  launch: Launch,
  resolved: Resolved,
  slots: number | null,
): Readonly<Record<PlaceholderName, string>> {
  const { spec, key, mask, port } = launch;
  return {
    PORT: String(port),
    HOST: spec.host,
    MODEL: resolved.model ?? '',
    MODEL_ID: spec.modelId ?? '',
    POOL_ID: spec.poolId,
    REPLICA_ID: key.slice(spec.poolId.length + 1),
    DEVICE_MASK: mask.written,
    SLOTS: String(slots ?? 1),
    STATE_DIR: resolved.stateDir,
    INVENTORY_DIR: resolved.inventoryDir,
  };
}

export function expandArgs(launch: Launch, resolved: Resolved, args: readonly string[], slots: number | null): readonly string[] {
  if (!args.some((arg) => arg.includes('${'))) return args;
  const values = placeholderValues(launch, resolved, slots);
  return args.map((arg) => expandPlaceholders(arg, values));
}
