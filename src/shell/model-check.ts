/** Can the model be used, as far as its files tell before an engine reads them? And what do its tensors take? */

import { isAbsolute } from 'node:path';
import type { Launch, Obstacle } from '../core/messages.js';
import { digestOf, inspectModel, type LocalModel, type Permission } from '../host/model-files.js';
import { type GgufHeader, readGgufParts } from '../models/gguf.js';

/** What was read of models, by the very file as it was then. */
export type ModelNotes = {
  readonly digests: Map<string, string>;
  /** Null where it cannot be read. */
  readonly headers: Map<string, GgufHeader | null>;
};

type CheckedModel = {
  readonly obstacles: readonly Obstacle[];
  /** Of its files; null where it is no local file. */
  readonly bytes: number | null;
  /** Of a GGUF model, of all its parts together; null where it is no local one, or cannot be read. */
  readonly header: GgufHeader | null;
};

/** References are the engine's matter. */
export async function checkModel({ spec }: Pick<Launch, 'spec'>, may: Permission, notes: ModelNotes): Promise<CheckedModel> {
  const { model, modelDigest } = spec;
  const nothing = { obstacles: [], bytes: null, header: null };
  if (model === null) return nothing;
  if (!isAbsolute(model))
    return modelDigest === null ? nothing : { ...nothing, obstacles: [undigestible(model, 'it is not a local file')] };
  const local = await inspectModel(model, spec.engine, may);
  if (!local.ok) return { ...nothing, obstacles: [local.error] };
  const [obstacles, header] = await Promise.all([
    checkDigest(model, modelDigest, local.value, notes.digests),
    headerOf(local.value, notes.headers),
  ]);
  return { obstacles, bytes: local.value.bytes, header };
}

async function checkDigest(
  model: string,
  wanted: string | null,
  { identity }: LocalModel,
  digests: Map<string, string>,
): Promise<readonly Obstacle[]> {
  if (wanted === null) return [];
  if (identity === null) return [undigestible(model, 'it is a directory')];
  let found = digests.get(identity);
  if (found === undefined) {
    const digest = await digestOf(model);
    if (!digest.ok) return [undigestible(model, digest.error)];
    found = digest.value;
    digests.set(identity, found);
  }
  if (found === wanted.toLowerCase()) return [];
  const text = `cannot use the model "${model}": its digest is ${found}, and model_digest says ${wanted}`;
  return [{ what: 'digest', text, hint: 'fetch the file anew, or correct model_digest' }];
}

/** A header that cannot be read is no obstacle: whether the model can be used, only the engine can tell. */
async function headerOf({ identity, ggufFiles }: LocalModel, known: Map<string, GgufHeader | null>): Promise<GgufHeader | null> {
  if (identity === null || ggufFiles.length === 0) return null;
  const before = known.get(identity);
  if (before !== undefined) return before;
  const read = await readGgufParts(ggufFiles);
  const header = read.ok ? read.value : null;
  known.set(identity, header);
  return header;
}

function undigestible(model: string, why: string): Obstacle {
  return { what: 'digest', text: `cannot check the digest of "${model}": ${why}` };
}
