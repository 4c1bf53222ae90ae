/** Which model a pool runs: the file's, or one that a reload has put in its place. */

import type { ModelChoice, PoolSpec } from './model.js';
import type { Override } from './reload-state.js';

/** The pool's entry with another model. A name that the inventory gives stays: clients know it. */
export function withModel(spec: PoolSpec, { model, modelDigest, modelId }: ModelChoice): PoolSpec {
  return { ...spec, model, modelDigest, modelId: spec.modelIdGiven ? spec.modelId : modelId };
}

/** What overrides the file; null where the file says the same. */
export function overrideOf(file: PoolSpec, { model, modelDigest, modelId }: PoolSpec, since: Override['since']): Override | null {
  if (file.model === model && file.modelDigest === modelDigest) return null;
  return { chosen: { model, modelDigest, modelId }, since, file: { model: file.model, modelDigest: file.modelDigest } };
}

/** It stands as long as the file's model of that pool is the one that it was put in the place of. */
export function standing(file: PoolSpec, override: Override | null | undefined): Override | null {
  return override != null && override.file.model === file.model && override.file.modelDigest === file.modelDigest
    ? override
    : null;
}
