import { constants } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Alone, diagnoseAlone } from '../src/diagnosis/alone.js';
import { anyForm } from '../src/diagnosis/form.js';
import { logReader } from '../src/diagnosis/log-reader.js';
import { adapters } from '../src/engines/index.js';
import { PoolctlError } from '../src/errors.js';
import { filePieces } from '../src/host/file-pieces.js';
import { oneLine } from '../src/text/one-line.js';
import { redactText } from '../src/text/redact.js';
import { suggest } from '../src/text/suggest.js';
import { type Cli, globalsOf } from './cli.js';
import { diagnosisText } from './render/diagnosis.js';

const engineKinds = Object.keys(adapters) as (keyof typeof adapters)[];

type Given = { readonly exitCode?: string; readonly signal?: string; readonly engine?: string };

export function diagnose(program: Command, cli: Cli): void {
  program
    .command('diagnose [file]')
    .description('why did this engine die? reads its log from a file or from stdin; needs no supervisor')
    .option('--exit-code <code>', 'the code that it ended with')
    .option('--signal <name>', 'the signal that ended it')
    .option('--engine <kind>', `whose log it is, for the hint: ${engineKinds.join(', ')}`)
    .action(async (file: string | undefined, given: Given, command: Command) => {
      const known: Alone = { code: codeOf(given.exitCode), signal: signalOf(given.signal), engine: engineOf(given.engine) };
      const reader = logReader(anyForm);
      await readAll(file ?? '-', cli, (piece) => reader.readBytes(piece));
      const found = covered(diagnoseAlone(reader, known));
      const { class: kind, subclass, fatal, restartable, confidence, evidence, summary, hint } = found;
      if (!globalsOf(command).json) return cli.stdout(diagnosisText(found));
      const answer = { class: kind, subclass, fatal, restartable, confidence, evidence, summary, hint };
      cli.stdout(`${JSON.stringify(answer)}\n`);
    });
}

/** The log is somebody's own; what it shows of his secrets is not told on. */
function covered(found: ReturnType<typeof diagnoseAlone>): ReturnType<typeof diagnoseAlone> {
  const { evidence, summary } = found;
  const shown = evidence === null ? null : { ...evidence, text: redactText(evidence.text) };
  return { ...found, evidence: shown, summary: redactText(summary) };
}

async function readAll(file: string, cli: Cli, read: (piece: Uint8Array) => void): Promise<void> {
  if (file === '-' && cli.input.isTTY) {
    throw new PoolctlError('USAGE', 'cannot diagnose: no log is given, and stdin is a terminal', {
      hint: 'poolctl diagnose FILE        (or: journalctl -u engine | poolctl diagnose)',
    });
  }
  try {
    for await (const piece of file === '-' ? cli.input.pieces() : filePieces(resolve(cli.cwd, file))) read(piece);
  } catch (error) {
    const why = wrong[(error as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw error;
    throw new PoolctlError('USAGE', `cannot diagnose "${oneLine(file)}": ${why}`, { hint: 'poolctl diagnose --help' });
  }
}

const wrong: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
};

/** Windows' codes and the negative ones of Python are codes, too. */
function codeOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  if (!/^-?\d{1,10}$/.test(given)) {
    throw new PoolctlError('USAGE', `cannot use exit code "${oneLine(given)}": it must be a whole number`);
  }
  return Number(given);
}

/** As `kill` takes them: "SIGKILL", "KILL", "kill", "9". */
function signalOf(given: string | undefined): string | null {
  if (given === undefined) return null;
  const byName = constants.signals as Readonly<Record<string, number | undefined>>;
  const name = `SIG${given.toUpperCase().replace(/^SIG/, '')}`;
  const byNumber = Object.keys(byName).find((each) => byName[each] === Number(given));
  if (byName[name] !== undefined) return name;
  if (byNumber !== undefined) return byNumber;
  const meant = suggest(name, Object.keys(byName));
  throw new PoolctlError('USAGE', `cannot use signal "${oneLine(given)}": there is no such signal`, {
    ...(meant === null ? {} : { hint: `--signal ${meant}` }),
  });
}

function engineOf(given: string | undefined): Alone['engine'] {
  if (given === undefined) return null;
  const kind = engineKinds.find((each) => each === given);
  if (kind !== undefined) return kind;
  throw new PoolctlError('USAGE', `cannot use engine "${oneLine(given)}": it must be one of ${engineKinds.join(', ')}`, {
    hint: `--engine ${suggest(given, engineKinds) ?? 'command'}`,
  });
}
