import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../src/api/client.js';
import type { OperationView, PoolView } from '../src/api/wire.js';
import { exitStatus, PoolctlError } from '../src/errors.js';
import { readModelRef } from '../src/inventory/model-ref.js';
import { operationError, untilEnded } from './ask/operation.js';
import { watchReload } from './ask/reloading.js';
import { resolveTargets } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { durationOf } from './ask/values.js';
import { type Cli, filled, type Globals, globalsOf } from './cli.js';
import { errorText } from './render/error.js';
import { reloadText } from './render/reload.js';

type Options = { readonly model: string; readonly digest?: string; readonly deadline?: string; readonly wait: boolean };

export function reload(program: Command, cli: Cli): void {
  program
    .command('reload <pool>')
    .description('switch the model of every replica of a pool, or of none; exit 9 when it was rolled back')
    .requiredOption('--model <ref>', 'the model: a path, or a reference as in pools.yaml')
    .option('--digest <digest>', 'sha256:… of its file; checked before anything is touched')
    .option('--deadline <duration>', "give up when a replica drains longer than this (default: the pool's drain.deadline)")
    .option('--no-wait', 'do not wait for the end')
    .action(async (name: string, options: Options, command: Command) => {
      await reloadPool(name, options, globalsOf(command), cli);
    });
}

async function reloadPool(name: string, { model, digest, deadline, wait }: Options, globals: Globals, cli: Cli): Promise<void> {
  const drain_deadline_ms = durationOf(deadline, '--deadline');
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/i.test(digest))
    throw new PoolctlError('USAGE', `cannot use --digest "${digest}": it must be sha256: and 64 hexadecimal digits`, {
      hint: `sha256sum ${model}`,
    });
  const client = clientOf(cli, globals, `reload ${name}`);
  const { pools, supervisor } = await client.status();
  const before = onePool(name, pools);
  const ref = readModelRef(filled(model, '--model'), before.engine as Parameters<typeof readModelRef>[1], {
    directory: cli.cwd,
    home: cli.home,
  });
  if (!ref.ok) throw new PoolctlError('USAGE', `cannot use the model "${model}": ${ref.error}`);
  const body = { new_model_ref: ref.value, digest, drain_deadline_ms };
  const interrupted = cli.interruption();
  const watch = wait ? await watchReload(client, before.pool_id, model, interrupted, globals, cli) : null;
  let operation: OperationView;
  try {
    operation = await client.reload(before.pool_id, body);
    watch?.follow(operation);
    // Its drains and loads have deadlines of their own, which the supervisor keeps.
    if (watch !== null) operation = await untilEnded(client, operation, () => Number.POSITIVE_INFINITY, interrupted);
    // What is told of its end has then been told before the end.
    if (!interrupted.aborted) await watch?.news.untilFinished(operation.operation_id);
  } finally {
    watch?.close();
  }
  if (interrupted.aborted) {
    cli.stderr(`stopped waiting; the reload goes on. Follow it: poolctl status ${before.pool_id} --watch\n`);
    return cli.exit(130);
  }
  const error = operationError(operation);
  // Nothing was done: for programs that is as if it had been refused.
  if (error?.code === 'MODEL_UNAVAILABLE') throw error;
  if (globals.json) cli.stdout(`${JSON.stringify(operation)}\n`);
  if (error !== null) {
    cli.stderr(errorText(error, globals.verbose));
    return cli.exit(exitStatus(error));
  }
  if (globals.json || globals.quiet) return;
  const after = operation.state === 'running' ? null : await poolNow(client, before.pool_id);
  const { holders } = watch?.news.lossesOf({ poolId: before.pool_id, replicaId: null }) ?? { holders: [] };
  const file = basename(supervisor.inventory);
  cli.stdout(`${reloadText(operation, { before, after, file, home: cli.home, holders })}\n`);
}

/** A pool has one model, so it is a pool that is named, and one. */
function onePool(name: string, pools: readonly PoolView[]): PoolView {
  const [target] = name === 'all' ? [] : resolveTargets([name], pools, 'reload');
  const hint = `poolctl reload ${target?.poolId ?? 'POOL'} --model REF`;
  if (target === undefined) throw new PoolctlError('USAGE', 'cannot reload all pools at once: name one', { hint });
  if (target.replicaId !== null)
    throw new PoolctlError('USAGE', `cannot reload ${name} alone: all replicas of a pool have the same model`, { hint });
  return pools.find(({ pool_id }) => pool_id === target.poolId) as PoolView;
}

/** Null where the supervisor has gone meanwhile: the reload is done all the same. */
async function poolNow(client: Client, poolId: string): Promise<PoolView | null> {
  const view = await client.status().catch((error: unknown) => {
    if (error instanceof PoolctlError) return null;
    throw error;
  });
  return view?.pools.find(({ pool_id }) => pool_id === poolId) ?? null;
}
