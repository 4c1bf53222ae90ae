import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { writeWhole } from '../src/host/whole-file.js';
import { shownText } from '../src/inventory/shown.js';
import { type Candidate, candidates } from '../src/proposal/candidates.js';
import type { Found } from '../src/proposal/found.js';
import { foundLines, installLines, nameAndNeed } from '../src/proposal/tell.js';
import { type Choice, canServe, writeInventory } from '../src/proposal/write.js';
import { diffLines } from '../src/text/diff.js';
import { oneLine } from '../src/text/one-line.js';
import { harmless } from '../src/text/width.js';
import { type Cli, globalsOf } from './cli.js';
import { type Asker, askerFor } from './init/ask.js';
import { lookAround } from './init/look.js';

type Options = { readonly models?: readonly string[]; readonly stdout?: true; readonly force?: true; readonly yes?: true };

export function init(program: Command, cli: Cli): void {
  program
    .command('init')
    .description('look for GPUs, engines and models, and write a pools.yaml that fits this machine')
    .option('--models <dir...>', 'look for GGUF models there as well')
    .option('--stdout', 'print the inventory, and write nothing')
    .option('--force', 'replace an inventory that is there')
    .option('--yes', 'ask nothing: take the best, and write it')
    .action(async (options: Options, command: Command) => {
      const { file, json, quiet } = globalsOf(command);
      const tell = (lines: readonly string[]): void => {
        if (!quiet) cli.stderr(lines.map((line) => `${oneLine(line)}\n`).join(''));
      };
      const found = await lookAround(cli, { models: options.models ?? [] });
      const { fitting, leftOut } = candidates(found);
      const told = [...foundLines(found, fitting, leftOut), ...installLines(found, fitting)];
      tell(told);
      const asks = cli.input.isTTY && cli.err.isTTY && options.yes !== true && options.stdout !== true && !json;
      const asker = asks ? askerFor(cli) : null;
      try {
        const choice = await choose(found, fitting, asker, cli);
        if (choice === null) return nothingWritten(cli);
        const text = writeInventory(choice, found, cli.version);
        const path = resolve(cli.cwd, file ?? (cli.env.POOLCTL_FILE || 'pools.yaml'));
        const outcome = options.stdout === true ? 'shown' : await write(path, text, options.force === true, asker, cli);
        if (outcome === null) return nothingWritten(cli);
        if (json) cli.stdout(`${JSON.stringify({ file: path, written: outcome === 'written', inventory: text, found: told })}\n`);
        else if (outcome === 'shown') cli.stdout(text);
        else cli.stdout(done(outcome, nearest(path, cli.cwd), choice));
      } finally {
        await asker?.close();
      }
    });
}

function nothingWritten(cli: Cli): void {
  cli.stderr('Nothing was written.\n');
  cli.exit(1);
}

/** Null: whoever was asked went away. */
async function choose(found: Found, fitting: readonly Candidate[], asker: Asker | null, cli: Cli): Promise<Choice | null> {
  if (!canServe(found)) return { chosen: null, others: fitting };
  const [best] = fitting;
  if (asker === null || best === undefined || fitting.length === 1) return { chosen: best ?? null, others: fitting.slice(1) };
  const shown = fitting.slice(0, mostShown);
  cli.stderr(shown.map((each, at) => `  ${at + 1}  ${oneLine(nameAndNeed(each))}\n`).join(''));
  const number = await asker.choose('Which model? [1] ', shown.length);
  const chosen = number === null ? undefined : shown[number];
  return chosen === undefined ? null : { chosen, others: fitting.filter((each) => each !== chosen) };
}

const mostShown = 9;

/** Null: it was not agreed to. @throws PoolctlError FILE_EXISTS, having shown what differs; WRITE_FAILED */
async function write(
  path: string,
  text: string,
  force: boolean,
  asker: Asker | null,
  cli: Cli,
): Promise<'written' | 'same' | null> {
  const shown = nearest(path, cli.cwd);
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw failed(shown, error);
  });
  if (before === text) return 'same';
  if (before !== null && !force) throw exists(shown, before, text, cli);
  if (asker !== null && !(await asker.agree(`${before === null ? 'Write' : 'Replace'} ${shown}? [Y/n] `))) return null;
  const outcome = await writeWhole(path, text, { over: force }).catch((error: NodeJS.ErrnoException) => {
    throw failed(shown, error);
  });
  if (outcome === 'there') throw exists(shown, '', '', cli);
  return outcome;
}

function exists(shown: string, before: string, text: string, cli: Cli): PoolctlError {
  const diff = diffLines(shownText(before), text);
  if (diff.length > 0) cli.stderr(`What would change in ${shown}:\n${diff.map((line) => `${harmless(line)}\n`).join('')}`);
  return new PoolctlError('FILE_EXISTS', `cannot write "${shown}": it is there already`, {
    why: 'nothing was written; it may hold what nobody wants to lose',
    hint: 'poolctl init --force        (or --stdout, or another name: --file PATH)',
  });
}

function failed(shown: string, { message }: Error): PoolctlError {
  return new PoolctlError('WRITE_FAILED', `cannot write "${shown}": ${message}`, {
    hint: 'poolctl init --stdout        (or another name: --file PATH)',
  });
}

function done(outcome: 'written' | 'same', shown: string, { chosen }: Choice): string {
  const replicas = chosen === null ? 2 : chosen.placement.masks.length;
  const what = outcome === 'same' ? `${shown} is so already` : `Wrote ${shown}`;
  const file = shown === 'pools.yaml' ? '' : ` --file ${shown}`;
  return `${what} (1 pool, ${replicas} replica${replicas === 1 ? '' : 's'}). Next: poolctl check${file}, then poolctl up${file}\n`;
}

function nearest(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}
