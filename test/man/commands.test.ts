/** The pages and the command line, both ways: verbs, arguments, options, exit statuses, environment. */

import { readdirSync, readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { type Cli, globalFlags } from '../../commands/cli.js';
import { commands } from '../../commands/index.js';
import { buildProgram } from '../../commands/program.js';
import { errorCodes } from '../../src/errors.js';
import { items, manDir, namesOf, type Page, page, pages, section, subsections } from './page.js';

/** Building the tree of commands asks nothing of the world. */
const program = await buildProgram(Object.keys(commands), { version: '0' } as Cli);
const verbs = program.commands.map((command) => command.name());
/** What can be typed: the verbs, and in place of a verb that has some the commands below it, `lease acquire`. */
const runnable = program.commands.flatMap((command) => {
  const below = command.commands.map((each) => `${command.name()} ${each.name()}`);
  return below.length === 0 ? [command.name()] : below;
});

describe('verbs', () => {
  it('stand in the NAME of exactly one page each, and no others do', () => {
    const named = pages().flatMap(namesOf).sort();
    const topics = ['poolctl', 'poolctl-api', 'poolctl-errors', 'pools.yaml'];
    expect(named).toEqual([...verbs.map((verb) => `poolctl-${verb}`), ...topics].sort());
  });

  it.each(runnable)('%s: its SYNOPSIS is what the command takes', (verb) => {
    const command = commandOf(verb);
    const lines = synopsisOf(verb);
    expect(lines.filter((line) => /^\.(Op )?Ar /.test(line))).toEqual(command.registeredArguments.map(argumentLine));
    const flags = lines.flatMap((line) => [...line.matchAll(/Fl (\S+)/g)].map((match) => `-${match[1]}`));
    const own = ownOptions(command);
    const named = flags.map((flag) => own.find(({ short, long }) => flag === short || flag === long)?.long ?? flag);
    expect(named.sort()).toEqual(own.map(({ long }) => long).sort());
  });

  it('are listed by the first page', () => {
    const text = section(page('poolctl.1'), 'DESCRIPTION').filter((line) => line.startsWith('.It Cm '));
    expect(text.flatMap((line) => line.match(/[a-z]+/g) ?? [])).toEqual(expect.arrayContaining(verbs));
  });
});

describe('options', () => {
  it('that stand everywhere are in the first page, and no others', () => {
    const visible = program.createHelp().visibleOptions(program);
    expect(heads(section(page('poolctl.1'), 'OPTIONS'))).toEqual(visible.map(optionHead).sort());
  });

  it.each(runnable)('%s: its own are in its page, and no others', (verb) => {
    const described = subsections(section(pageOf(verb), 'OPTIONS')).filter(([title]) => title.split(', ').includes(verb));
    const told = described.flatMap(([, lines]) => heads(lines));
    expect(told.sort()).toEqual(ownOptions(commandOf(verb)).map(optionHead).sort());
  });

  it.each(pages())('$file: describes options of its own commands alone', (each) => {
    const own = namesOf(each).map((name) => name.replace('poolctl-', ''));
    const titles = subsections(section(each, 'OPTIONS')).flatMap(([title]) => title.split(', '));
    expect(titles.filter((title) => !runnable.includes(title) || !own.includes(verbOf(title)))).toEqual([]);
  });
});

describe('exit statuses', () => {
  const general = heads(section(page('poolctl.1'), 'EXIT STATUS')).map(Number);

  it('of errors, and those without one, are in the first page, and no others', () => {
    const ofErrors = Object.values(errorCodes).map(({ exit }) => exit);
    // Done; a condition that is not met; all engines failed; ended by a signal. They come with no error.
    const others = [0, 3, 10, 130, 143];
    expect([...general].sort(byNumber)).toEqual([...new Set([...ofErrors, ...others])].sort(byNumber));
  });

  it.each(pages().filter(({ file }) => file.endsWith('.1')))('$file: names those that there are', (each) => {
    const named = heads(section(each, 'EXIT STATUS')).map(Number);
    expect(named).toEqual(expect.arrayContaining([0, 2, 70]));
    expect(named.filter((status) => !general.includes(status))).toEqual([]);
  });

  it('that a command sets by a number are in its page', () => {
    for (const verb of verbs.filter((each) => each !== 'help')) {
      const text = readFileSync(`${manDir}../commands/${verb}.ts`, 'utf8');
      const set = [...text.matchAll(/\b(?:exit\(|end\(cli, |exit: )(\d+)/g)].map((match) => Number(match[1]));
      expect(heads(section(pageOf(verb), 'EXIT STATUS')).map(Number), verb).toEqual(expect.arrayContaining(set));
    }
  });
});

it('the variables that are read are those in ENVIRONMENT', () => {
  const source = [...sourcesIn('src/'), ...sourcesIn('commands/')].filter((path) => !path.startsWith('src/demo/'));
  const read = source.flatMap((path) =>
    [...readFileSync(`${manDir}../${path}`, 'utf8').matchAll(/\benv\.([A-Z][A-Z0-9_]+)/g)].map((match) => match[1]),
  );
  const named = items(section(page('poolctl.1'), 'ENVIRONMENT')).map(({ head }) => head.replace('Ev ', ''));
  expect(named.sort()).toEqual([...new Set(read)].sort());
});

const byNumber = (a: number, b: number): number => a - b;

const verbOf = (line: string): string => line.split(' ')[0] ?? line;

function commandOf(line: string): Command {
  const found = line
    .split(' ')
    .reduce<Command | undefined>((above, name) => above?.commands.find((each) => each.name() === name), program);
  if (found === undefined) throw new Error(`no command "${line}"`);
  return found;
}

function pageOf(line: string): Page {
  const found = pages().find((each) => namesOf(each).includes(`poolctl-${verbOf(line)}`));
  if (found === undefined) throw new Error(`no page of "${line}"`);
  return found;
}

/** Without those that stand everywhere. */
function ownOptions(command: Command): readonly Option[] {
  return command.options.filter(({ long }) => !globalFlags.some((flag) => flag.long === long));
}

/** From `.Cm VERB` to the next command. */
function synopsisOf(verb: string): readonly string[] {
  const blocks = section(pageOf(verb), 'SYNOPSIS').join('\n').split('.Nm poolctl\n');
  return blocks.find((block) => block.startsWith(`.Cm ${verb}\n`) || block === `.Cm ${verb}`)?.split('\n') ?? ['no synopsis'];
}

function argumentLine(argument: Command['registeredArguments'][number]): string {
  return `.${argument.required ? 'Ar' : 'Op Ar'} ${argument.name()}${argument.variadic ? ' ...' : ''}`;
}

/** `-n, --lines <count>` -> `Fl n , Fl -lines Ar count`. */
function optionHead({ short, long, flags }: Option): string {
  const names = [short, long].filter((name) => name !== undefined && name !== null).map((name) => `Fl ${name.slice(1)}`);
  const argument = /[<[](.*)[>\]]/.exec(flags)?.[1];
  return `${names.join(' , ')}${argument === undefined ? '' : ` Ar ${argument}`}`;
}

function heads(lines: readonly string[]): readonly string[] {
  return items(lines)
    .map(({ head }) => head)
    .sort();
}

function sourcesIn(dir: string): readonly string[] {
  const found = readdirSync(`${manDir}../${dir}`, { recursive: true, encoding: 'utf8' });
  return found.filter((path) => path.endsWith('.ts')).map((path) => `${dir}${path}`);
}
