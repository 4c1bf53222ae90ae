/** What could stand in the place of the last word of a line. Pure but for the names that are asked for, and only where they are wanted. */

import { everywhere, type Line, lines, type Named, type Option } from './table.js';

export type Candidate = { readonly word: string; readonly about?: string };

/** `shell`: it completes names of these itself. */
export type Completion = {
  readonly candidates: readonly Candidate[];
  readonly shell: 'files' | 'directories' | 'programs' | null;
};

/** Names that there are. None rejects: where nobody can be asked there are none. */
export type Live = {
  /** `chat` and, with `replicas`, `chat/r0`. */
  pools(given: Given, replicas: boolean): Promise<readonly string[]>;
  leases(given: Given): Promise<readonly string[]>;
  /** Of the inventory. */
  planned(given: Given): Promise<readonly string[]>;
};

/** Options of the line by which a supervisor, or an inventory, is found. */
export type Given = { readonly file?: string; readonly socket?: string; readonly stateDir?: string };

/** `words` are those behind the program's name; the last one is being typed, and may be empty. */
export async function complete(words: readonly string[], live: Live): Promise<Completion> {
  const typed = words.at(-1) ?? '';
  const place = walk(words.slice(0, -1));
  const [, name = '', value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? [];
  if (place.wants !== undefined) return named(place.wants, typed, place, live);
  if (value !== undefined && !place.literal) {
    const wants = optionOf(place.line, name)?.value;
    const found = wants === undefined ? nothing : await named(wants, value, place, live);
    return { ...found, candidates: found.candidates.map(({ word, ...rest }) => ({ word: `${name}=${word}`, ...rest })) };
  }
  if (typed.startsWith('-') && !place.literal) {
    const options = Object.keys({ ...place.line?.options, ...everywhere, ...(place.line === null ? { '--version': {} } : {}) });
    return listed(
      options.filter((option) => !place.options.includes(option)).map((word) => ({ word })),
      typed,
    );
  }
  const below = place.line === null ? lines : place.line.below;
  if (below !== undefined) {
    const commands = Object.entries(below).map(([word, { about }]) => ({ word, about }));
    return listed(commands, typed);
  }
  const { operands = [], repeated = false } = place.line ?? {};
  const wants = operands[place.operands.length] ?? (repeated ? operands.at(-1) : undefined);
  return wants === undefined ? nothing : named(wants, typed, place, live);
}

const nothing: Completion = { candidates: [], shell: null };

type Place = {
  /** Null: the command is yet to come. */
  readonly line: Line | null;
  readonly operands: readonly string[];
  /** Those given so far, by their long names. */
  readonly options: readonly string[];
  readonly given: Given;
  /** What the option before wants; undefined where none does. */
  readonly wants: Named | undefined;
  /** Behind two dashes, or in a command that is run under a lease: nothing is an option of ours any more. */
  readonly literal: boolean;
};

function walk(words: readonly string[]): Place {
  let line: Line | null = null;
  let literal = false;
  let dashed = false;
  let waiting: { readonly long: string; readonly value: Named } | null = null;
  const [operands, options]: [string[], string[]] = [[], []];
  const given: { file?: string; socket?: string; stateDir?: string } = {};
  const take = (long: string, value: string): void => {
    if (long === '--file') given.file = value;
    if (long === '--socket') given.socket = value;
    if (long === '--state-dir') given.stateDir = value;
  };
  for (const word of words) {
    if (waiting !== null) {
      take(waiting.long, word);
      waiting = null;
    } else if (!dashed && word === '--') {
      dashed = true;
      literal = true;
    } else if (!literal && word.startsWith('-') && word !== '-') {
      const [name = '', value] = word.split(/=(.*)/s);
      const long = longOf(line, name);
      options.push(long);
      const wants = optionOf(line, name)?.value;
      if (wants !== undefined && value === undefined) waiting = { long, value: wants };
      else if (value !== undefined) take(long, value);
    } else {
      const next: Line | undefined = operands.length > 0 ? undefined : (line === null ? lines : line.below)?.[word];
      if (next !== undefined) line = next;
      else operands.push(word);
      literal ||= operands.length > 0 && line?.operands?.[operands.length] === 'program';
    }
  }
  return { line, operands, options, given, wants: waiting?.value, literal };
}

function longOf(line: Line | null, name: string): string {
  const all = { ...everywhere, ...line?.options };
  // A short name that the command has taken is the command's.
  return Object.entries(all).findLast(([long, { short }]) => long === name || short === name)?.[0] ?? name;
}

function optionOf(line: Line | null, name: string): Option | undefined {
  return { ...everywhere, ...line?.options }[longOf(line, name)];
}

async function named(wants: Named, typed: string, { given, operands }: Place, live: Live): Promise<Completion> {
  const words = async (all: Promise<readonly string[]> | readonly string[]): Promise<Completion> =>
    listed(
      (await all).filter((word) => !operands.includes(word)).map((word) => ({ word })),
      typed,
    );
  switch (wants) {
    case null:
      return nothing;
    case 'pool':
      return words(live.pools(given, false));
    case 'planned':
      return words(live.planned(given));
    case 'place':
      return words(live.pools(given, true));
    case 'selector':
      return words(live.pools(given, true).then((names) => [...names, 'all']));
    case 'lease':
      return words(live.leases(given));
    case 'topic':
      return words([...Object.keys(lines), 'pools.yaml', 'api', 'errors']);
    case 'file':
      return { candidates: [], shell: 'files' };
    case 'directory':
      return { candidates: [], shell: 'directories' };
    case 'program':
      return { candidates: [], shell: 'programs' };
    default:
      return words(wants);
  }
}

function listed(all: readonly Candidate[], typed: string): Completion {
  return { candidates: all.filter(({ word }) => word.startsWith(typed)), shell: null };
}
