/** Operation -> the read model (views.ts). */

import type { Calendar } from './snapshot.js';
import type { Operation, State } from './state.js';
import type { OperationView } from './views.js';

export function viewOperation(operation: Operation, state: State, time: Calendar['time']): OperationView {
  return {
    operation_id: operation.id,
    kind: operation.kind,
    pool_id: operation.poolId,
    state: operation.state,
    outcome: operation.outcome,
    changed: operation.changed,
    started_at: time(operation.startedAt.wallMs),
    finished_at: operation.finishedAt === null ? null : time(operation.finishedAt.wallMs),
    interrupted: operation.interrupted,
    active_leases: operation.activeLeases,
    inflight: operation.inflight,
    cut: operation.cut,
    startup_deadline_ms: longestLoad(operation, state),
    steps: operation.steps.map(({ key, what, state: stepState, detail }) => ({
      replica_id: key.slice(key.lastIndexOf('/') + 1),
      step: what ?? (operation.kind === 'shutdown' ? `stop ${key}` : operation.kind),
      state: stepState,
      detail,
    })),
    ...(operation.error === null ? {} : { error: operation.error }),
  };
}

function longestLoad({ steps }: Operation, { pools }: State): number | null {
  // Not one that has its turn yet to come: what it does meanwhile is not this operation's.
  const keys = new Set(steps.filter(({ state }) => state === 'running').map(({ key }) => key));
  const lives = [...pools.values()].flatMap(({ replicas }) =>
    replicas.filter(({ key }) => keys.has(key)).map(({ life }) => life),
  );
  // Nor one that has served: it is only probed anew.
  const deadlines = lives.flatMap((life) =>
    life.state === 'starting' && life.resumed === null ? [life.lastDeadline - life.engine.startedAt.at] : [],
  );
  return deadlines.length === 0 ? null : Math.round(Math.max(...deadlines));
}
