/** start, stop, restart, reset, drain: ask for each target, wait for all, tell each, and exit by the worst. */

import type { ActBody, ActVerb, Client } from '../../src/api/client.js';
import type { OperationView } from '../../src/api/wire.js';
import { exitStatus, PoolctlError } from '../../src/errors.js';
import type { Cli, Globals } from '../cli.js';
import { errorDocument, errorText } from '../render/error.js';
import { outcomeText } from '../render/outcome.js';
import type { DrainNews } from './drain-news.js';
import { watchDrains } from './drains.js';
import { operationError, type Patience, patience, untilEnded } from './operation.js';
import { resolveTargets, type Target, targetName } from './selectors.js';
import { clientOf } from './supervisor.js';

export type Act = {
  readonly verb: ActVerb;
  readonly selectors: readonly string[];
  /** What is asked for, but for the replica. */
  readonly body?: Omit<ActBody, 'replica_id'>;
  /** The deadline of a drain as it was typed. */
  readonly deadline?: string | undefined;
  readonly wait: boolean;
  readonly timeoutMs?: number | undefined;
};

/** Of several exit statuses the worst counts. */
const worstFirst = [70, 1, 5, 9, 7];

type Ended = { readonly operation: OperationView | null; readonly error: PoolctlError | null };

export async function act(cli: Cli, globals: Globals, wish: Act): Promise<void> {
  const { verb, selectors, wait } = wish;
  const client = clientOf(cli, globals, `${verb} ${selectors.join(' ')}`);
  const targets = resolveTargets(selectors, (await client.status()).pools, verb);
  const interrupted = cli.interruption();
  const drains = wait && drainsFirst.has(verb) ? await watchDrains(client, targets, interrupted, globals, cli) : null;
  const askedAt = cli.now();
  const ended = await Promise.all(targets.map((target) => one(client, target, wish, drains?.news ?? null, interrupted))).finally(
    () => drains?.close(),
  );
  if (interrupted.aborted) {
    const follow = verb === 'drain' ? `wait ${selectors.join(' ')} --for drained` : 'status';
    cli.stderr(`stopped waiting; the ${verb} goes on. Follow it: poolctl ${follow}\n`);
    return cli.exit(130);
  }
  if (globals.json) cli.stdout(`${JSON.stringify(document(ended))}\n`);
  for (const [index, { operation, error }] of ended.entries()) {
    const target = targets[index];
    if (error !== null) cli.stderr(errorText(error, globals.verbose));
    else if (operation !== null && target !== undefined && !globals.json && !(globals.quiet && statusOf(operation) === 0)) {
      const losses = drains?.news.lossesOf(target) ?? { holders: [], deadlineAt: null };
      cli.stdout(`${outcomeText(verb, targetName(target), operation, { losses, deadline: wish.deadline, askedAt })}\n`);
    }
  }
  const statuses = ended.map(({ operation, error }) =>
    error !== null ? exitStatus(error) : operation === null ? 0 : statusOf(operation),
  );
  cli.exit(worstFirst.find((status) => statuses.includes(status)) ?? Math.max(0, ...statuses));
}

const drainsFirst: ReadonlySet<ActVerb> = new Set(['drain', 'restart']);

async function one(
  client: Client,
  target: Target,
  { verb, body = {}, wait, timeoutMs }: Act,
  news: DrainNews | null,
  interrupted: AbortSignal,
): Promise<Ended> {
  try {
    const begunAt = performance.now();
    const replica = target.replicaId === null ? {} : { replica_id: target.replicaId };
    const begun = await client.act(verb, target.poolId, { ...replica, ...body });
    // A drain has a deadline of its own, which the supervisor keeps.
    const patient: Patience = verb === 'drain' ? () => Number.POSITIVE_INFINITY : patience(timeoutMs, begunAt);
    const operation = wait ? await untilEnded(client, begun, patient, interrupted) : begun;
    if (operation.cut > 0 || operation.outcome === 'forced') await news?.untilFinished(operation.operation_id);
    return { operation, error: interrupted.aborted ? null : failureOf(operation, verb, target, wait) };
  } catch (error) {
    if (error instanceof PoolctlError) return { operation: null, error };
    throw error;
  }
}

function failureOf(operation: OperationView, verb: ActVerb, target: Target, waited: boolean): PoolctlError | null {
  const { state } = operation;
  const name = targetName(target);
  if (state === 'running' && waited) {
    return new PoolctlError('DEADLINE_PASSED', `cannot wait any longer for the ${verb} of ${name}; it goes on`, {
      hint: `poolctl status ${name}`,
    });
  }
  return isCancelledDrain(operation) ? null : operationError(operation);
}

/** Somebody else wanted otherwise: that is how a drain may end, and no failure. */
const isCancelledDrain = ({ kind, outcome }: OperationView): boolean => kind === 'drain' && outcome === 'cancelled';

/** Of one without an error. */
function statusOf(operation: OperationView): number {
  if (isCancelledDrain(operation)) return 7;
  return operation.outcome === 'forced' ? 5 : 0;
}

/** One target: its operation, or the error; several: a list. */
function document(ended: readonly Ended[]): object {
  const shown = ended.map(({ operation, error }) => operation ?? errorDocument(error));
  return shown.length === 1 ? (shown[0] ?? {}) : { operations: shown };
}
