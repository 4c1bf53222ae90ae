import type { Command } from 'commander';
import type { ShutdownBody } from '../src/api/client.js';
import type { OperationView } from '../src/api/wire.js';
import { exitStatus, PoolctlError } from '../src/errors.js';
import { watchDrains } from './ask/drains.js';
import { operationError, untilEnded } from './ask/operation.js';
import { resolveTargets } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { durationOf } from './ask/values.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { errorText } from './render/error.js';
import { cutText, forcedText, type Told } from './render/outcome.js';

type Options = { readonly deadline?: string; readonly now?: true; readonly keepEngines?: true };

export function down(program: Command, cli: Cli): void {
  program
    .command('down')
    .description('drain and stop every engine, and end the supervisor; waits until it has; exit 5 when a drain was forced')
    .option('--deadline <duration>', 'drain no longer than this (default: supervisor.shutdown_deadline)')
    .option('--now', 'do not drain: stop at once')
    .option('--keep-engines', 'leave the engines running: the next poolctl up takes them over')
    .action(async ({ deadline, now, keepEngines }: Options, command: Command) => {
      const body = { deadline_ms: durationOf(deadline, '--deadline'), now, keep_engines: keepEngines };
      await shutDown(body, deadline, globalsOf(command), cli);
    });
}

async function shutDown(body: ShutdownBody, deadline: string | undefined, globals: Globals, cli: Cli): Promise<void> {
  const client = clientOf(cli, globals, 'stop the supervisor');
  const targets = resolveTargets(['all'], (await client.status()).pools, 'down');
  const interrupted = cli.interruption();
  // It listens before the supervisor is asked to stop, so that the end cannot be missed.
  const { news, close } = await watchDrains(client, targets, interrupted, globals, cli);
  try {
    const askedAt = cli.now();
    const begun = await client.shutdown(body);
    const operation = await untilEnded(client, begun, () => Number.POSITIVE_INFINITY, interrupted).catch((error: unknown) => {
      // It went before it could answer. What has become of the engines the next supervisor will say.
      if (error instanceof PoolctlError && error.code === 'NO_SUPERVISOR') return begun;
      throw error;
    });
    await news.untilOver();
    close();
    if (interrupted.aborted) {
      cli.stderr('stopped waiting; the shutdown goes on. Follow it: poolctl status\n');
      return cli.exit(130);
    }
    tell(operation, { losses: news.lossesOf(null), deadline, askedAt }, globals, cli);
  } finally {
    close();
  }
}

function tell(operation: OperationView, told: Told, globals: Globals, cli: Cli): void {
  const { outcome, cut } = operation;
  const failure = operationError(operation);
  if (globals.json) cli.stdout(`${JSON.stringify(operation)}\n`);
  if (failure !== null) {
    cli.stderr(errorText(failure, globals.verbose));
    cli.exit(exitStatus(failure));
    return;
  }
  const forced = outcome === 'forced';
  const text =
    outcome === 'kept'
      ? 'stopped; the engines go on, and the next poolctl up takes them over'
      : forced
        ? `stopped, ${forcedText(operation, told)}`
        : `stopped${cut === 0 ? '' : `: ${cutText(cut, told.losses.holders)}`}`;
  if (!globals.json && (forced || !globals.quiet)) cli.stdout(`${text}\n`);
  if (forced) cli.exit(5);
}
