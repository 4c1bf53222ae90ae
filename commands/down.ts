import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, globalsOf } from './cli.js';

export function down(program: Command, cli: Cli): void {
  program
    .command('down')
    .description('stop every engine and end the supervisor; waits until it has')
    .option('--keep-engines', 'leave the engines running: the next poolctl up takes them over')
    .action(async ({ keepEngines = false }: { keepEngines?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const client = clientOf(cli, globals, 'stop the supervisor');
      // Opened before it is asked to stop, so that the end cannot be missed: the stream ends with the supervisor.
      const refused = new AbortController();
      const events = await client.events(null, AbortSignal.any([cli.interruption(), refused.signal]));
      await client.shutdown(keepEngines ? { keep_engines: true } : {}).catch((error: unknown) => {
        refused.abort();
        throw error;
      });
      try {
        for await (const { event } of events) if (event === 'supervisor.stopped') break;
      } catch (error) {
        if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
      }
      if (!globals.quiet)
        cli.stdout(keepEngines ? 'stopped; the engines go on, and the next poolctl up takes them over\n' : 'stopped\n');
    });
}
