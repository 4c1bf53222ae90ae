import type { Command } from 'commander';
import { checkReport } from '../src/inventory/report.js';
import { whereModels, whereText } from './ask/models.js';
import { type Cli, globalsOf } from './cli.js';
import { readInventory } from './inventory.js';

export function check(program: Command, cli: Cli): void {
  program
    .command('check [file]')
    .description('validate the inventory; exit 4 when it cannot be used')
    .option('--no-host', 'look at nothing but the file')
    .action(async (file: string | undefined, { host }: { host: boolean }, command: Command) => {
      const { json, file: named } = globalsOf(command);
      const examined = await readInventory(cli, file ?? named, !host);
      const { exit, text, json: answer } = checkReport(examined);
      const shown = host && !json && examined.inventory !== null;
      const models = shown ? await whereModels(examined.inventory, cli) : [];
      const told = models.map((model) => `${whereText(model)}\n`).join('');
      cli.stdout(json ? `${JSON.stringify(answer)}\n` : `${told}${text}`);
      cli.exit(exit);
    });
}
