import type { Command } from 'commander';
import { problemsDocument, renderProblems } from '../src/inventory/report.js';
import { type Cli, globalsOf } from './cli.js';
import { readInventory } from './inventory.js';

export function check(program: Command, cli: Cli): void {
  program
    .command('check [file]')
    .description('validate the inventory; exit 4 when it cannot be used')
    .option('--no-host', 'look at nothing but the file')
    .action(async (file: string | undefined, { host }: { host: boolean }, command: Command) => {
      const { json, file: named } = globalsOf(command);
      const { problems, shownFile } = await readInventory(cli, file ?? named, !host);
      cli.stdout(
        json
          ? `${JSON.stringify(problemsDocument(problems))}\n`
          : problems.length === 0
            ? `${shownFile} is valid\n`
            : renderProblems(problems, shownFile, null),
      );
      if (problems.some(({ severity }) => severity === 'error')) cli.exit(4);
    });
}
