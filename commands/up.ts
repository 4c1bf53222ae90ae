import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { closeInheritedDescriptors } from '../src/host/descriptors.js';
import { supervisorPaths } from '../src/host/paths.js';
import { watchTerminal } from '../src/host/terminal.js';
import { checkReport, refusal } from '../src/inventory/report.js';
import { redactArgv } from '../src/text/redact.js';
import { writeLog } from '../src/up/log.js';
import { up as supervise } from '../src/up.js';
import { wordOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';
import { readInventory } from './inventory.js';

type Options = { readonly logFormat?: string; readonly logLevel?: string; readonly exitOn?: string };

export function up(program: Command, cli: Cli): void {
  program
    .command('up [pool...]')
    .description('run the supervisor in the foreground; pools not named stay stopped')
    .option('--log-format <format>', 'auto, pretty or json')
    .option('--log-level <level>', 'debug, info, warn, error or critical')
    .option('--exit-on <event>', 'all-failed or never (default: never)')
    .action(async (named: string[], options: Options, command: Command) => {
      // Before anything else is opened: what our starter left open would be held by every engine.
      closeInheritedDescriptors();
      const { file, json, ...where } = globalsOf(command);
      const examined = await readInventory(cli, file, false);
      const { inventory } = examined;
      if (inventory === null) {
        cli.stderr(refusal(examined, 'Nothing was started.'));
        if (json) cli.stdout(`${JSON.stringify(checkReport(examined).json)}\n`);
        return cli.exit(4);
      }
      const unknown = named.find((name) => !inventory.pools.some(({ poolId }) => poolId === name));
      if (unknown !== undefined) {
        throw new PoolctlError('POOL_NOT_FOUND', `cannot start "${unknown}": there is no such pool`, {
          hint: `pools: ${inventory.pools.map(({ poolId }) => poolId).join(', ')}`,
        });
      }
      const { log } = inventory.supervisor;
      const format = wordOf(options.logFormat ?? log.format, ['auto', 'pretty', 'json'], '--log-format');
      const least = wordOf(options.logLevel ?? log.level, ['debug', 'info', 'warn', 'error', 'critical'], '--log-level');
      const paths = supervisorPaths(where, cli.env, { cwd: cli.cwd, home: cli.home });
      const status = await supervise(
        {
          inventory,
          paths,
          named,
          exitOnAllFailed: options.exitOn === 'all-failed',
          version: cli.version,
          demoScript: fileURLToPath(new URL('../demo/engine.js', import.meta.url)),
          redactArgs: redactArgv,
        },
        {
          pid: process.pid,
          uid: process.getuid?.() ?? 0,
          env: cli.env,
          signals: process,
          lostTerminal: watchTerminal(),
          readers: (news) => writeLog(news, { format, least, isTTY: cli.err.isTTY }, cli.stderr),
          onBug: (error) => cli.stderr(`error: this is a bug in poolctl: ${String(error)}  [INTERNAL]\n`),
        },
      );
      cli.exit(status);
    });
}
