/** Can the model be used, as far as its files tell before an engine reads them? And what do its tensors take? */

import { basename } from 'node:path';
import type { Obstacle } from '../core/facts.js';
import type { PoolSpec } from '../core/model.js';
import type { ModelNews } from '../core/progress.js';
import { gib } from '../core/words.js';
import { inspectModel, type LocalModel, type Permission } from '../host/model-files.js';
import { type GgufHeader, readGgufParts } from '../models/gguf.js';
import type { Digests } from './digests.js';
import type { Watch } from './shared-work.js';
import type { ModelPlace, Stager } from './staging.js';

/** What was read of models, by the very file as it was then; and of which it was told that they are there. */
export type ModelNotes = {
  /** Null where it cannot be read. */
  readonly headers: Map<string, GgufHeader | null>;
  readonly told: Set<string>;
};

export type ModelCheck = {
  readonly stage: Stager;
  readonly may: Permission;
  readonly notes: ModelNotes;
  readonly digests: Digests;
  readonly allowDownloads: boolean;
  /** False in a rehearsal: nothing is fetched, and nothing is told. */
  readonly touching: boolean;
  readonly watch: Watch;
};

export type CheckedModel = {
  readonly obstacles: readonly Obstacle[];
  /** Null where there is none, or it cannot be had. */
  readonly place: ModelPlace | null;
  /** Of its files; null where it is no local file. */
  readonly bytes: number | null;
  /** Of a GGUF model, of all its parts together; null where it is no local one, or cannot be read. */
  readonly header: GgufHeader | null;
  /** Null where it was told before. */
  readonly news: ModelNews | null;
};

/** Brings it first, where it has to be fetched. References that the engine takes as they are, are its matter. */
export async function checkModel(spec: PoolSpec, check: ModelCheck): Promise<CheckedModel> {
  const { model, modelDigest } = spec;
  const nothing: CheckedModel = { obstacles: [], place: null, bytes: null, header: null, news: null };
  const staged = await check.stage(spec, check);
  if (!staged.ok) return { ...nothing, obstacles: [staged.error] };
  const place = staged.value;
  if (place === null || model === null) return nothing;
  if (place.path === null)
    return { ...nothing, place, obstacles: modelDigest === null ? [] : [undigestible(model, 'it is not a local file')] };
  // Yet to be fetched, in a rehearsal.
  if (place.from === 'download') return { ...nothing, place };
  const local = await inspectModel(place.path, spec.engine, check.may);
  if (!local.ok) return { ...nothing, place, obstacles: [local.error] };
  const [obstacles, header] = await Promise.all([
    checkDigest(place.path, modelDigest, local.value, check),
    headerOf(local.value, check.notes.headers),
  ]);
  const news = obstacles.length === 0 && check.touching ? newsOf(spec, place, local.value, check.notes.told) : null;
  return { obstacles, place, bytes: local.value.bytes, header, news };
}

async function checkDigest(
  model: string,
  wanted: string | null,
  { identity }: LocalModel,
  { digests, watch }: ModelCheck,
): Promise<readonly Obstacle[]> {
  if (wanted === null) return [];
  if (identity === null) return [undigestible(model, 'it is a directory')];
  const digest = await digests.of({ path: model, name: basename(model), identity }, watch);
  if (digest === null) return [undigestible(model, 'nobody waits for it')];
  if (!digest.ok) return [undigestible(model, digest.error)];
  if (digest.value === wanted.toLowerCase()) return [];
  const text = `cannot use the model "${model}": its digest is ${digest.value}, and model_digest says ${wanted}`;
  return [{ what: 'digest', text, hint: 'fetch the file anew, or correct model_digest' }];
}

/** Once a pool and file: a model whose digest nobody gives is taken as it is, and that is told. */
function newsOf(
  { poolId, modelDigest }: PoolSpec,
  { path, from }: ModelPlace,
  { identity, bytes }: LocalModel,
  told: Set<string>,
): ModelNews | null {
  if (identity === null || path === null) return null;
  const verified = modelDigest !== null;
  const mark = `${poolId} ${identity} ${modelDigest ?? ''}`;
  if (told.has(mark)) return null;
  told.add(mark);
  const parts = [
    basename(path),
    ...(bytes === null ? [] : [gib(bytes)]),
    ...(from === 'path' ? [] : [`in the ${from} cache`]),
    verified ? 'its digest is the one that was given' : 'its digest is not checked, since the pool has no model_digest',
  ];
  return { text: parts.join(', '), verified };
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
