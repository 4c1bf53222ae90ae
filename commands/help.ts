import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { suggest } from '../src/text/suggest.js';
import type { Cli } from './cli.js';

/** Finds every other command in the program: it describes them. */
export function help(program: Command, cli: Cli): void {
  program
    .command('help [topic]')
    .description('the manual: of a command, or of pools.yaml, api, errors')
    .action(async (topic: string | undefined) => {
      if (topic === undefined) return cli.stdout(program.helpInformation());
      const pages = await readPages();
      const page = pages.get(topic);
      const command = program.commands.find((each) => each.name() === topic);
      if (page === undefined && command === undefined) throw noSuchTopic(topic, [...pages.keys()]);
      if (page !== undefined && cli.out.isTTY && (await showPage(page, cli))) return;
      if (command !== undefined) return cli.stdout(command.helpInformation());
      throw new PoolctlError('USAGE', `cannot show "${topic}": it is a manual page, for man on a terminal`, {
        hint: `man -l ${page}`,
      });
    });
}

/** As the package lies, with this in dist/chunks. */
const manDir = fileURLToPath(new URL('../../man/', import.meta.url));

/** The path of the page that has a topic in its NAME, without `poolctl-`. */
async function readPages(): Promise<ReadonlyMap<string, string>> {
  const files = await readdir(manDir).catch(() => []);
  const found = await Promise.all(
    files.map(async (file): Promise<readonly (readonly [string, string])[]> => {
      const path = `${manDir}${file}`;
      const name = /^\.Sh NAME\n(.*?)^\.Nd /ms.exec(await readFile(path, 'utf8'))?.[1] ?? '';
      return [...name.matchAll(/^\.Nm (?:poolctl-)?(\S+)/gm)].map(([, topic = '']) => [topic, path]);
    }),
  );
  return new Map(found.flat());
}

/** False where there is no man, or one that cannot show a file. Ctrl-C is for the pager. */
function showPage(path: string, cli: Cli): Promise<boolean> {
  cli.interruption();
  return new Promise((resolve) => {
    const man = spawn('man', ['-l', path], { stdio: 'inherit', env: cli.env });
    man.once('error', () => resolve(false));
    man.once('close', (status) => resolve(status === 0));
  });
}

function noSuchTopic(topic: string, topics: readonly string[]): PoolctlError {
  const meant = suggest(topic, topics);
  return new PoolctlError('USAGE', `cannot show "${topic}": there is no such page`, {
    hint: meant === null ? 'poolctl help' : `poolctl help ${meant}`,
  });
}
