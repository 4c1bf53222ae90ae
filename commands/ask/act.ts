/** start, stop, restart, reset: ask for each target, wait for all, tell each, and exit by the worst. */

import type { Client } from '../../src/api/client.js';
import type { OperationView } from '../../src/api/wire.js';
import { type ErrorCode, exitStatus, PoolctlError } from '../../src/errors.js';
import { took } from '../../src/text/time.js';
import type { Cli, Globals } from '../cli.js';
import { errorDocument, errorText } from '../render/error.js';
import { resolveTargets, type Target, targetName } from './selectors.js';
import { clientOf } from './supervisor.js';

export type Act = {
  readonly verb: 'start' | 'stop' | 'restart' | 'reset';
  readonly selectors: readonly string[];
  /** `reset`: allow one launch and forget nothing. */
  readonly once?: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number | undefined;
};

/** Longer than an engine may load: the supervisor has then decided already. */
const marginMs = 10_000;
/** The deadline of a load is known only once it has begun, so it is asked for again this often. */
const lookEveryMs = 5_000;
/** Of several exit statuses the worst counts. */
const worstFirst = [70, 1, 5, 9, 7];

type Manner = {
  readonly once: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number | undefined;
  readonly interrupted: AbortSignal;
};

type Ended = { readonly operation: OperationView | null; readonly error: PoolctlError | null };

export async function act(cli: Cli, globals: Globals, { verb, selectors, once = false, wait, timeoutMs }: Act): Promise<void> {
  const client = clientOf(cli, globals, `${verb} ${selectors.join(' ')}`);
  const targets = resolveTargets(selectors, (await client.status()).pools, verb);
  const interrupted = cli.interruption();
  const ended = await Promise.all(targets.map((target) => one(client, verb, target, { once, wait, timeoutMs, interrupted })));
  if (interrupted.aborted) {
    cli.stderr(`stopped waiting; the ${verb} goes on. Follow it: poolctl status\n`);
    return cli.exit(130);
  }
  if (globals.json) cli.stdout(`${JSON.stringify(document(ended))}\n`);
  for (const [index, { operation, error }] of ended.entries()) {
    const target = targets[index];
    if (error !== null) cli.stderr(errorText(error, globals.verbose));
    else if (operation !== null && target !== undefined && !globals.json && !globals.quiet)
      cli.stdout(`${sentence(verb, targetName(target), operation)}\n`);
  }
  const statuses = ended.map(({ error }) => (error === null ? 0 : exitStatus(error)));
  cli.exit(worstFirst.find((status) => statuses.includes(status)) ?? Math.max(0, ...statuses));
}

async function one(
  client: Client,
  verb: Act['verb'],
  target: Target,
  { once, wait, timeoutMs, interrupted }: Manner,
): Promise<Ended> {
  try {
    const body = { ...(target.replicaId === null ? {} : { replica_id: target.replicaId }), ...(once ? { once } : {}) };
    const begun = await client.act(verb, target.poolId, body);
    const operation = wait ? await untilEnded(client, begun, timeoutMs, interrupted) : begun;
    return { operation, error: interrupted.aborted ? null : failureOf(operation, verb, target, wait) };
  } catch (error) {
    if (error instanceof PoolctlError) return { operation: null, error };
    throw error;
  }
}

async function untilEnded(
  client: Client,
  begun: OperationView,
  timeoutMs: number | undefined,
  interrupted: AbortSignal,
): Promise<OperationView> {
  const startedAt = performance.now();
  let operation = begun;
  while (operation.state === 'running' && !interrupted.aborted) {
    const limitMs =
      timeoutMs ?? (operation.startup_deadline_ms === null ? Number.POSITIVE_INFINITY : operation.startup_deadline_ms + marginMs);
    const leftMs = limitMs - (performance.now() - startedAt);
    if (leftMs <= 0) break;
    operation = await client
      .operation(operation.operation_id, Math.min(leftMs, lookEveryMs), interrupted)
      .catch((error: unknown) => {
        // An answer that is cut off by Ctrl-C is none.
        if (interrupted.aborted) return operation;
        throw error;
      });
  }
  return operation;
}

function failureOf({ state, error }: OperationView, verb: Act['verb'], target: Target, waited: boolean): PoolctlError | null {
  const name = targetName(target);
  if (state === 'running' && waited) {
    return new PoolctlError('DEADLINE_PASSED', `cannot wait any longer for the ${verb} of ${name}; it goes on`, {
      hint: `poolctl status ${name}`,
    });
  }
  if (error === undefined) return null;
  return new PoolctlError(error.code as ErrorCode, error.message, error.hint === undefined ? {} : { hint: error.hint });
}

function sentence(verb: Act['verb'], name: string, { state, changed, started_at, finished_at }: OperationView): string {
  const outcome = verb === 'stop' ? 'stopped' : 'ready';
  if (state === 'running') return `${name}: ${verb} begun. Follow it: poolctl wait ${name} --for ${outcome}`;
  if (!changed) return `${name} is ${outcome} already`;
  const tookMs = finished_at === null ? 0 : Date.parse(finished_at) - Date.parse(started_at);
  return verb === 'stop'
    ? `${name} stopped in ${took(tookMs)}. To serve again: poolctl start ${name}`
    : `${name} ready in ${took(tookMs)}`;
}

/** One target: its operation, or the error; several: a list. */
function document(ended: readonly Ended[]): object {
  const shown = ended.map(({ operation, error }) => operation ?? errorDocument(error));
  return shown.length === 1 ? (shown[0] ?? {}) : { operations: shown };
}
