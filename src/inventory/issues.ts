/** zod's issues -> complaints in our words, each with its place: the value for a bad value, the key for an unknown one, the parent for a missing one. */

import type * as z from 'zod/mini';
import { suggest } from '../text/suggest.js';
import { type Complaint, quoted } from './problem.js';
import { homesOf, keysAt } from './schema.js';
import type { Range } from './source.js';
import { find, type Path, pathText, type Tree } from './tree.js';

type Issue = z.core.$ZodIssue;

export type Finding = Complaint & {
  readonly range: Range;
  /** What must be left out for the rest to be valid; null where nothing is there. */
  readonly prune: Path | null;
  /** Keys about which nothing more can be said: what was meant is not known. */
  readonly spoilt: readonly Path[];
};

/** `isSecret`: may the value or key that begins there not be shown? */
export type Reading = { readonly root: Tree; readonly isSecret: (start: number) => boolean };

export function findings(issues: readonly Issue[], reading: Reading): readonly Finding[] {
  const all = issues.flatMap((issue) => findingsOf(issue, reading));
  const misspelt = new Set(
    all.filter(({ code }) => code === 'UNKNOWN_KEY').flatMap(({ spoilt }) => spoilt.slice(1).map(pathText)),
  );
  const seen = new Set<string>();
  return all.filter(({ range, code, message, spoilt }) => {
    if (code === 'MISSING_KEY' && spoilt.some((path) => misspelt.has(pathText(path)))) return false;
    const id = `${range.start}:${code}:${code === 'UNKNOWN_KEY' || code === 'MISSING_KEY' ? message : ''}`;
    const isNew = !seen.has(id);
    seen.add(id);
    return isNew;
  });
}

function findingsOf(issue: Issue, reading: Reading): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => unknownKey(path, name, reading));
    case 'invalid_key':
      return [badName(path, reading)];
    case 'invalid_union':
      return union(issue, path, reading);
    default:
      return [
        find(reading.root, path) === null ? missing(path, reading) : badValue(path, issue.message, accepts([issue]), reading),
      ];
  }
}

function unknownKey(parent: Path, name: string, { root, isSecret }: Reading): Finding {
  const path = [...parent, name];
  const range = keyRange(root, path);
  const near = suggest(name, keysAt(parent));
  const home = homesOf(name)[0];
  const hint = isSecret(range.start)
    ? noSpace
    : name === '<<'
      ? 'merge keys are not read; what pools share goes under "defaults"'
      : near === null
        ? home === undefined
          ? null
          : elsewhere(home)
        : didYouMean(near);
  return {
    code: 'UNKNOWN_KEY',
    message: `unknown key ${shownName(name, isSecret(range.start))} ${parent.length === 0 ? 'at the top of the file' : `in ${pathText(parent)}`}`,
    hint,
    range,
    prune: path,
    spoilt: near === null ? [path] : [path, [...parent, near]],
  };
}

const didYouMean = (near: string): string => `did you mean ${quoted(near)}?`;
const elsewhere = (home: string): string =>
  home.includes('.')
    ? `it belongs under ${quoted(home.slice(0, home.lastIndexOf('.')))}`
    : 'it is a key of a pool, or of "defaults"';

/** Where a value was taken into the key, it stays unseen. */
function shownName(name: string, isSecret: boolean): string {
  return quoted(isSecret ? name.replace(/([:=\s]).*$/s, '$1***') : name);
}

const noSpace = 'the value begins behind a colon and a space';

function badName(path: Path, { root, isSecret }: Reading): Finding {
  const name = String(path.at(-1) ?? '');
  const isPool = path.length === 2;
  const range = keyRange(root, path);
  const shown = shownName(name, isSecret(range.start));
  return {
    code: 'INVALID_VALUE',
    message: isPool
      ? `the pool id ${shown} must be lower-case letters, digits and hyphens, at most 63, and not "all"`
      : `the variable name ${shown} in ${pathText(path.slice(0, -1))} must be letters, digits and underscores`,
    hint: isSecret(range.start) ? noSpace : isPool ? poolIdHint(name) : null,
    range,
    prune: path,
    spoilt: [path],
  };
}

function poolIdHint(name: string): string | null {
  const fixed = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63);
  return fixed === '' || fixed === 'all' || fixed === name ? null : didYouMean(fixed);
}

function missing(path: Path, { root }: Reading): Finding {
  const parent = path.slice(0, -1);
  return {
    code: 'MISSING_KEY',
    message: `missing key ${quoted(String(path.at(-1)))} ${parent.length === 0 ? 'at the top of the file' : `in ${pathText(parent)}`}`,
    hint: path.length === 1 && path[0] === 'version' ? 'write "version: 1"' : null,
    range: parent.length === 0 ? { start: 0, end: 1 } : keyRange(root, parent),
    prune: parent.length === 0 ? null : parent,
    spoilt: [path],
  };
}

/** Where one member takes a value of this type as a whole, its own complaints about the parts are the better ones. */
function union(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, reading: Reading): readonly Finding[] {
  const value = find(reading.root, path)?.value;
  const inside = issue.errors.find((errors) =>
    errors.every((error) => error.path.length > 0 || error.code === 'unrecognized_keys'),
  );
  if (value !== undefined && value.kind !== 'scalar' && inside !== undefined) {
    return inside.flatMap((error) => findingsOf({ ...error, path: [...path, ...error.path] } as Issue, reading));
  }
  if (value === undefined) return [missing(path, reading)];
  return [badValue(path, issue.message, accepts(issue.errors.flat()), reading)];
}

/** The JSON types that would have been taken, by what the schema says of its refusals. */
function accepts(issues: readonly Issue[]): ReadonlySet<string> {
  return new Set(
    issues
      .filter(({ path }) => path.length === 0 || issues.length === 1)
      .map((issue) => {
        if (issue.code === 'invalid_type') return issue.expected === 'int' ? 'number' : issue.expected;
        if (issue.code === 'invalid_value') return typeof issue.values[0];
        return 'any';
      }),
  );
}

function badValue(path: Path, wanted: string, accepted: ReadonlySet<string>, reading: Reading): Finding {
  const found = find(reading.root, path);
  const value = found?.value ?? reading.root;
  const name = path.length === 0 ? 'the file' : pathText(path);
  const isSecret = value.kind === 'scalar' && reading.isSecret(value.range.start);
  return {
    code: accepted.has('any') || accepted.has(typeOf(value)) ? 'INVALID_VALUE' : 'WRONG_TYPE',
    message: `${name} must be ${wanted}, is ${isSecret ? kindOf(value) : shownValue(value)}`,
    hint: isSecret ? null : valueHint(value, wanted, accepted),
    range: value.range.end > value.range.start ? value.range : (found?.key ?? value.range),
    prune: upToList(path),
    spoilt: [path],
  };
}

function typeOf(value: Tree): string {
  if (value.kind !== 'scalar') return value.kind === 'seq' ? 'array' : 'object';
  return value.value === null ? 'null' : typeof value.value;
}

function kindOf(value: Tree): string {
  const names: Readonly<Record<string, string>> = {
    array: 'a list',
    object: 'a map',
    null: 'empty',
    string: 'a text',
    number: 'a number',
    boolean: 'a truth value',
  };
  return names[typeOf(value)] ?? 'something else';
}

function shownValue(value: Tree): string {
  if (value.kind === 'seq' && value.items.length === 0) return 'an empty list';
  if (value.kind !== 'scalar' || value.value === null) return kindOf(value);
  return typeof value.value === 'string' ? quoted(value.value) : value.written.slice(0, 60);
}

function valueHint(value: Tree, wanted: string, accepted: ReadonlySet<string>): string | null {
  if (value.kind !== 'scalar') return null;
  const { written } = value;
  if (value.value === null) return accepted.has('object') || accepted.has('record') ? 'leave the key out, or write {}' : null;
  if (/^a (?:duration|size)|or a duration/.test(wanted) && /^\d+$/.test(written))
    return `write the unit: ${written}${wanted.includes('GiB') || wanted.includes('MiB') ? 'MiB' : 's'}`;
  if (accepted.has('boolean'))
    return /^(?:yes|on)$/i.test(written) ? 'write true' : /^(?:no|off)$/i.test(written) ? 'write false' : null;
  if (accepted.has('array')) return written.length > 60 ? null : `write a list: [${asItems(written)}]`;
  if (typeof value.value !== 'string' && accepted.has('string')) return `write it in quotes: ${quoted(written)}`;
  const near = suggest(written, wanted.split(/,? or |, /));
  return near === null || near === written ? null : didYouMean(near);
}

/** One item, or the words of a command line. */
function asItems(written: string): string {
  const words = written.split(/\s+/).filter((word) => word !== '');
  if (words.length < 2 || /["'\\]/.test(written)) return written;
  return words.map((word) => (/^[\w./=-]*[a-z/][\w./=-]*$/i.test(word) ? word : quoted(word))).join(', ');
}

/** The range of the key at the path's end; of the value where it has none, as in a list. */
function keyRange(root: Tree, path: Path): Range {
  const found = find(root, path);
  return found?.key ?? found?.value.range ?? { start: 0, end: 1 };
}

/** An item cannot be taken out of a list without moving the others: the list goes as a whole. */
function upToList(path: Path): Path | null {
  const item = path.findIndex((step) => typeof step === 'number');
  const upTo = item === -1 ? path : path.slice(0, item);
  return upTo.length === 0 ? null : upTo;
}
