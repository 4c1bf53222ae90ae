import type { Command } from 'commander';
import type { EventLine } from '../src/api/wire.js';
import { readJournal } from '../src/host/journal-files.js';
import { supervisorPaths } from '../src/host/paths.js';
import { palette } from '../src/text/colour.js';
import { eventText } from '../src/text/event-line.js';
import { clientOf } from './ask/supervisor.js';
import { durationOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

export function events(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('what happened; works without a supervisor')
    .option('-f, --follow', 'go on with what happens')
    .option('--since <duration>', 'only the last so long')
    .action(async ({ follow, since }: { follow?: true; since?: string }, command: Command) => {
      const globals = globalsOf(command);
      const colours = await palette(globals.color, cli.env, cli.out);
      const form = cli.out.isTTY ? 'clock' : 'iso';
      const print = (line: EventLine): Promise<void> =>
        cli.pipe(`${globals.json ? JSON.stringify(line) : eventText(line, form, colours)}\n`);
      const sinceMs = durationOf(since, '--since');
      const { journal } = supervisorPaths(globals, cli.env, { cwd: cli.cwd, home: cli.home });
      // What is only printed is ended by Ctrl-C as any program is.
      const interrupted = follow === true ? cli.interruption() : null;
      // Listened first, then read: what happens meanwhile is in both, and told once.
      const stream = interrupted === null ? null : await clientOf(cli, globals, 'follow the events').events(null, interrupted);
      const past = (await readJournal(journal, sinceMs === undefined ? {} : { sinceMs: cli.now() - sinceMs })) ?? [];
      for (const line of past) await print(line as EventLine);
      if (stream === null) return;
      const told = new Set(past.slice(-1_000).map(({ id }) => id));
      for await (const line of stream) if (!told.has(line.id)) await print(line);
      if (interrupted?.aborted) cli.exit(130);
    });
}
