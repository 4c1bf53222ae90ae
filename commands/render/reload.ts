/** What is told of a reload: while it goes on, and how it ended. */

import { basename } from 'node:path';
import type { EventLine, OperationView, PoolView, ReplicaView } from '../../src/api/wire.js';
import { modelName } from '../../src/inventory/model-ref.js';
import { oneLine } from '../../src/text/one-line.js';
import { tilde } from '../../src/text/tilde.js';
import { took } from '../../src/text/time.js';
import { cutText } from './outcome.js';
import type { Blocked } from './waiting.js';

/** A line for people; null for what the end tells, or nobody wants to know. `ref` is the model as it was typed. */
export function newsOfReload(
  { event, pool_id, strategy, replicas, detail, reason, model_from }: EventLine,
  ref: string,
): string | null {
  if (event === 'reload.rolled_back') return oneLine(`${pool_id}: goes back to ${model_from}: ${reason}`);
  if (event !== 'reload.started') return null;
  // What a URL has besides its path is nobody's business.
  const found =
    typeof detail === 'string'
      ? `${basename(ref)} is there (${detail})`
      : `${ref.includes('://') ? modelName(ref) : ref} is for the engine to find`;
  const whom = Array.isArray(replicas) ? replicas.join(', ') : 'its replicas';
  return oneLine(`${pool_id}: ${found}; ${strategy === 'rolling' ? 'rolling over' : 'recreating'} ${whom}`);
}

/** Where the replicas are: the last that is done with it, and those that are under way. */
export function placeLines(
  { pool_id, steps }: OperationView,
  replicas: readonly ReplicaView[],
  drains: readonly Blocked[],
): readonly Blocked[] {
  let done: Blocked | null = null;
  const busy: Blocked[] = [];
  for (const replica of replicas) {
    const own = steps.filter(({ replica_id }) => replica_id === replica.replica_id);
    const step = own.at(-1);
    // A second step is the way back.
    const model = own.length > 1 ? 'the old model' : 'the new model';
    const line = { name: `${pool_id}/${replica.replica_id}`, blockers: model };
    if (step?.state === 'done' && replica.state === 'ready') done = { ...line, state: 'ready', text: '', told: 'once' };
    if (step?.state !== 'running') continue;
    const drain = drains.find(({ name }) => name === line.name);
    if (drain !== undefined) busy.push(drain);
    else {
      const starts = replica.state === 'starting' || replica.state === 'preparing';
      busy.push({
        ...line,
        state: starts ? `starting ${model}` : replica.state,
        text: oneLine(replica.why ?? ''),
        blockers: `${model} ${replica.state}`,
        told: replica.state === 'starting' ? 'again' : 'late',
      });
    }
  }
  return done === null ? busy : [done, ...busy];
}

/** `before` and `after`: the pool as it was and is; the latter null where nobody can be asked any more. */
export type Reloaded = {
  readonly before: PoolView;
  readonly after: PoolView | null;
  /** The name of the inventory's file. */
  readonly file: string;
  readonly home: string;
  /** Who had the leases that were lost. */
  readonly holders: readonly (string | null)[];
};

/** Of one that succeeded, or runs still. */
export function reloadText(
  { state, outcome, started_at, finished_at, cut }: OperationView,
  { before, after, file, home, holders }: Reloaded,
): string {
  const { pool_id } = before;
  if (state === 'running') return `${pool_id}: reload begun. Follow it: poolctl status ${pool_id} --watch`;
  if (outcome === 'unchanged') return `${pool_id} runs ${before.model_id ?? nameOf(before)} already`;
  const now = after ?? before;
  const up = now.replicas.filter(({ goal }) => goal === 'up').map(({ replica_id }) => replica_id);
  const down = now.replicas.filter(({ goal }) => goal === 'down').map(({ replica_id }) => replica_id);
  // A name that the inventory gives stays, and would tell nothing.
  const model = now.model_id === null || now.model_id === before.model_id ? nameOf(now) : now.model_id;
  const places = [
    up.length === 0 ? model : `${model} on ${up.join(', ')}`,
    ...(down.length === 0 ? [] : [`${down.join(', ')} will have it when started`]),
  ];
  const lost = cut === 0 ? '' : `, ${cutText(cut, holders)}`;
  const tookMs = finished_at === null ? 0 : Date.parse(finished_at) - Date.parse(started_at);
  const named = now.override === null ? '' : `. ${file} still names ${tilde(now.override.file_model_ref, home)}`;
  return oneLine(`${pool_id} reloaded in ${took(tookMs)}${lost}: ${places.join('; ')}${named}`);
}

/** `chat runs qwen3-14b; pools.yaml names qwen3-8b`: what a reload has put in the place of the file's model; null where nothing is. */
export function overrideText({ pool_id, override }: PoolView, file: string, home: string): string | null {
  if (override === null) return null;
  const [runs, names] = [override.model_ref, override.file_model_ref];
  const same = modelName(runs) === modelName(names);
  const [one, other] = same ? [tilde(runs, home), tilde(names, home)] : [modelName(runs), modelName(names)];
  return oneLine(
    one === other
      ? `${pool_id} runs ${one} by a reload, and ${file} wants another digest`
      : `${pool_id} runs ${one}; ${file} names ${other}`,
  );
}

const nameOf = ({ model_ref }: PoolView): string => (model_ref === null ? 'its model' : modelName(model_ref));
