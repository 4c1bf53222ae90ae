import type { Command } from 'commander';
import { jsonSchema } from '../src/inventory/schema.js';
import type { Cli } from './cli.js';

export function schema(program: Command, cli: Cli): void {
  program
    .command('schema')
    .description('the JSON Schema of pools.yaml, for editors')
    .action(() => cli.stdout(`${JSON.stringify(jsonSchema(), null, 2)}\n`));
}
