/** A reload, for people: its steps as an operation shows them, and why it failed. */

import type { PoolSpec, ReplicaKey } from './model.js';
import { shownReference } from './reference.js';
import type { ReloadEnd } from './reload.js';
import type { Operation, OperationStep, Place, Pool, Reload } from './state.js';

const shown: Readonly<
  Record<Place['stage'], { readonly state: OperationStep['state']; readonly detail: string | null; readonly back: boolean }>
> = {
  waiting: { state: 'pending', detail: null, back: false },
  draining: { state: 'running', detail: 'drains', back: false },
  launching: { state: 'running', detail: 'starts the new model', back: false },
  switched: { state: 'done', detail: null, back: false },
  emptying: { state: 'running', detail: 'ends the new engine', back: true },
  returning: { state: 'running', detail: 'starts the old model again', back: true },
  returned: { state: 'done', detail: 'as before', back: true },
  lost: { state: 'failed', detail: 'the old model does not come back', back: true },
};

/** One a replica forward, and one more for each that goes back. */
export function reloadSteps(reload: Reload, spec: PoolSpec, before: readonly OperationStep[]): readonly OperationStep[] {
  const { places, failure } = reload;
  const names = namesOf(reload, spec);
  const step = (key: ReplicaKey, what: string, state: OperationStep['state'], detail: string | null): OperationStep => {
    const same = before.find((each) => each.key === key && each.what === what);
    return { key, what, after: 0, forced: same?.forced ?? false, state, detail };
  };
  const forward = places.map(({ key, stage }) => {
    const what = names.forward(key);
    const { state, detail, back } = shown[stage];
    if (!back)
      return step(
        key,
        what,
        failure !== null && state !== 'done' ? 'failed' : state,
        failure?.key === key ? failure.text : detail,
      );
    const earlier = before.find((each) => each.key === key && each.what === what);
    return step(
      key,
      what,
      earlier?.state === 'done' ? 'done' : 'failed',
      failure?.key === key ? failure.text : (earlier?.detail ?? null),
    );
  });
  const backward = places
    .toReversed()
    .filter(({ stage, touched }) => shown[stage].back && touched)
    .map(({ key, stage }) => step(key, names.back(key), shown[stage].state, shown[stage].detail));
  return [...forward, ...backward];
}

type Names = { readonly forward: (key: ReplicaKey) => string; readonly back: (key: ReplicaKey) => string };

function namesOf({ cause, to }: Reload, spec: PoolSpec): Names {
  return cause === 'reload'
    ? { forward: () => `switch to ${to.modelId}`, back: () => `back to ${spec.modelId}` }
    : { forward: (key) => `restart ${key}`, back: (key) => `restart ${key} as it was` };
}

export function errorOf(pool: Pool, { failure, to }: Reload, end: ReloadEnd): Operation['error'] {
  const { poolId, modelId } = pool.spec;
  if (failure === null) return null;
  const cannot = `cannot reload ${poolId}`;
  const who = failure.key === null ? '' : `${failure.key.slice(failure.key.indexOf('/') + 1)} `;
  const hint = failure.key === null ? `poolctl status ${poolId}` : `poolctl logs ${failure.key} --previous`;
  switch (end) {
    case 'failed':
      return {
        code: 'MODEL_UNAVAILABLE',
        message: `${cannot}: the model "${shownReference(to.model ?? '')}" cannot be used; nothing was touched`,
        why: failure.text,
      };
    case 'drain_timeout':
      return {
        code: 'DRAIN_TIMEOUT',
        message: `${cannot}: the drain of ${failure.key ?? poolId} was not over in time; it serves ${modelId} as before`,
        hint: `poolctl lease list ${poolId}`,
      };
    case 'rollback_failed':
      return {
        code: 'RELOAD_FAILED',
        message: `${cannot}: ${who}did not start the new model, and not even the old one came back`,
        why: failure.text,
        hint: `poolctl status ${poolId}`,
      };
    default:
      return failure.reason === 'cancelled'
        ? { code: 'RELOAD_FAILED', message: `${cannot}: it was cancelled by a ${failure.text}; rolled back`, hint }
        : {
            code: 'RELOAD_FAILED',
            message: `${cannot}: ${who}did not start the new model; rolled back`,
            why: failure.text,
            hint: `${hint}; all replicas serve ${modelId} as before`,
          };
  }
}
