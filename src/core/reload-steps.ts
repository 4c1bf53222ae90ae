/** A reload, for people: its steps as an operation shows them, and why it failed. */

import type { PoolSpec, ReplicaKey } from './model.js';
import { shownReference } from './reference.js';
import type { ReloadEnd } from './reload.js';
import type { Failure, Place, Reload } from './reload-state.js';
import { stagingText } from './staging.js';
import type { Operation, OperationStep, Pool } from './state.js';
import { span } from './words.js';

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
  const { places, failure, verified, staged } = reload;
  const coming = verified || staged === null ? null : stagingText(staged.last);
  const names = namesOf(reload, spec);
  const step = (key: ReplicaKey, what: string, state: OperationStep['state'], detail: string | null): OperationStep => {
    const same = before.find((each) => each.key === key && each.what === what);
    return { key, what, after: 0, forced: same?.forced ?? false, counted: same?.counted ?? false, state, detail };
  };
  const forward = places.map(({ key, stage }, index) => {
    const what = names.forward(key);
    const { state, detail, back } = shown[stage];
    if (!back)
      return step(
        key,
        what,
        failure !== null && state !== 'done' ? 'failed' : state,
        failure?.key === key ? failure.text : (detail ?? (index === 0 ? coming : null)),
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

export function errorOf(pool: Pool, { failure, to }: Reload, end: ReloadEnd, durationMs: number): Operation['error'] {
  const { poolId, modelId } = pool.spec;
  if (failure === null) return null;
  const cannot = `cannot reload ${poolId}`;
  const who = failure.key === null ? 'it' : failure.key.slice(failure.key.indexOf('/') + 1);
  const status = `poolctl status ${poolId}`;
  switch (end) {
    case 'failed': {
      const model = shownReference(to.model ?? '');
      const why = failure.text.replace(`cannot use the model "${to.model}": `, '');
      return {
        code: 'MODEL_UNAVAILABLE',
        message: `${cannot}: the model "${model}" cannot be used; nothing was touched`,
        why,
        hint: `poolctl reload ${poolId} --model REF        (a model that is there; ${poolId} keeps ${modelId})`,
      };
    }
    case 'drain_timeout':
      return {
        code: 'DRAIN_TIMEOUT',
        message: `${cannot}: the drain of ${who} was not over in time; it serves ${modelId} as before`,
        hint: `poolctl lease list ${poolId}`,
      };
    case 'rollback_failed':
      return {
        code: 'RELOAD_FAILED',
        message: `${cannot}: ${undone(failure, who)}, and not even the old one came back`,
        why: failure.text,
        hint: status,
      };
    default: {
      const message = `${cannot}: ${undone(failure, who)}; rolled back in ${span(durationMs)}`;
      if (failure.reason === 'cancelled') return { code: 'RELOAD_FAILED', message, hint: status };
      // What was never made has written nothing.
      const look = failure.key === null || failure.reason === 'spawn' ? status : `poolctl logs ${failure.key} --previous`;
      return {
        code: 'RELOAD_FAILED',
        message,
        why: failure.text,
        hint: `${look}; all replicas serve ${modelId} as before`,
      };
    }
  }
}

/** What went wrong, of whom. */
function undone({ reason, text }: Failure, who: string): string {
  if (reason === 'cancelled') return `it was cancelled by a ${text}`;
  return reason === 'drain_timeout' ? `the drain of ${who} was not over in time` : `${who} did not start the new model`;
}

export const reasonOf = ({ reason, text }: Failure): string => (reason === 'cancelled' ? `cancelled by a ${text}` : text);
