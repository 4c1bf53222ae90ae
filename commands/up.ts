import type { Command } from 'commander';
import { closeInheritedDescriptors } from '../src/host/descriptors.js';
import { supervisorPaths } from '../src/host/paths.js';
import { neverWait, watchTerminal } from '../src/host/terminal.js';
import { counted } from '../src/inventory/render.js';
import { palette } from '../src/text/colour.js';
import { redactArgv } from '../src/text/redact.js';
import { openFace } from '../src/up/face.js';
import { up as supervise } from '../src/up.js';
import { wordOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';
import { readInventory, usableInventory } from './inventory.js';
import { machineOf } from './machine.js';
import { showPlan } from './plan.js';

type Options = { readonly dryRun?: true; readonly logFormat?: string; readonly logLevel?: string; readonly exitOn?: string };

export function up(program: Command, cli: Cli): void {
  program
    .command('up [pool...]')
    .description('run the supervisor in the foreground; pools not named stay stopped')
    .option('--log-format <format>', 'auto, pretty or json')
    .option('--log-level <level>', 'debug, info, warn, error or critical')
    .option('--dry-run', 'only show what would be executed, as plan does')
    .option('--exit-on <event>', 'all-failed or never (default: never)')
    .action(async (named: string[], options: Options, command: Command) => {
      // Before anything else is opened: what our starter left open would be held by every engine.
      closeInheritedDescriptors();
      const globals = globalsOf(command);
      if (options.dryRun === true) return showPlan(named, globals, cli);
      const usable = await usableInventory(cli, globals, named, 'up');
      if (usable === null) return;
      const { inventory, devices, file } = usable;
      const { log } = inventory.supervisor;
      const format = wordOf(options.logFormat ?? log.format, ['auto', 'pretty', 'json'], '--log-format');
      const level = wordOf(options.logLevel ?? log.level, ['debug', 'info', 'warn', 'error', 'critical'], '--log-level');
      const exitOn = wordOf(options.exitOn ?? 'never', ['all-failed', 'never'], '--exit-on');
      const paths = supervisorPaths(globals, cli.env, { cwd: cli.cwd, home: cli.home });
      const shown = {
        format,
        level,
        stream: neverWait(process.stderr),
        journalStream: cli.env.JOURNAL_STREAM,
        palette: await palette(globals.color, cli.env, cli.err),
        banner: `poolctl ${cli.version}  ${shownFile(inventory.file, cli.cwd)}: ${contents(inventory.pools)}  socket ${paths.socket}`,
      };
      const machine = machineOf(cli);
      const status = await supervise(
        {
          inventory,
          reread: () => readInventory(cli, inventory.file, false, file),
          devices,
          paths,
          named,
          exitOnAllFailed: exitOn === 'all-failed',
          version: cli.version,
          ...machine,
          redactArgs: redactArgv,
        },
        {
          ...machine,
          signals: process,
          lostTerminal: watchTerminal(),
          face: (look) => openFace(look, shown),
          onBug: (error) => cli.stderr(`error: this is a bug in poolctl: ${String(error)}  [INTERNAL]\n`),
        },
      );
      // What a reader who has stalled does not read keeps no supervisor.
      cli.exit(status, unreadMs);
    });
}

const unreadMs = 1_000;

function contents(pools: readonly { readonly masks: readonly unknown[] }[]): string {
  const replicas = pools.reduce((sum, { masks }) => sum + masks.length, 0);
  return `${counted(pools.length, 'pool')}, ${counted(replicas, 'replica')}`;
}

function shownFile(file: string, cwd: string): string {
  return file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
}
