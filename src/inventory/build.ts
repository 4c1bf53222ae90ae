/** The YAML library's nodes -> Tree: aliases resolved and counted, repeated keys found. */

import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
  type Scalar as YamlScalar,
} from 'yaml';
import type { Range } from './source.js';
import type { Entry, Scalar, Tree } from './tree.js';

/** Something that YAML itself, not the schema, forbids. `other` is where the first of two stands. */
export type Fault = {
  readonly code: 'YAML_SYNTAX' | 'DUPLICATE_KEY';
  readonly range: Range;
  readonly message: string;
  readonly hint: string | null;
  readonly other?: Range;
};

/** Far more than the largest machine needs, and few enough that every one of them may be wrong: each is a problem with its place then. */
const maxValues = 50_000;

/** Aliases may add so many nodes to those that are written: enough for shared settings, too few for a bomb. */
const maxAliased = 10_000;

type Building = {
  readonly anchors: Map<string, Tree | 'open'>;
  readonly faults: Fault[];
  /** Nodes that are written. */
  written: number;
};

/** Null for a document without contents. Faulty parts are left out of the tree. */
export function buildTree(contents: Node | null): { readonly tree: Tree | null; readonly faults: readonly Fault[] } {
  const building: Building = { anchors: new Map(), faults: [], written: 0 };
  if (contents === null || (isScalar(contents) && contents.value === null)) return { tree: null, faults: [] };
  const tree = build(contents, building);
  if (tree.size > building.written + maxAliased) {
    building.faults.push(syntax(tree.range, `aliases make more than ${maxAliased} values of it`));
  }
  return { tree, faults: building.faults };
}

function build(node: unknown, building: Building): Tree {
  if (isAlias(node)) return follow(node, building);
  const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
  if (anchor !== undefined) building.anchors.set(anchor, 'open');
  building.written += 1;
  if (building.written > maxValues) return oneTooMany(node, building);
  const tree = isMap(node) ? map(node, building) : isSeq(node) ? seq(node, building) : scalar(node);
  if (anchor !== undefined) building.anchors.set(anchor, tree);
  return tree;
}

/** The file is refused; what comes behind is not looked at. */
function oneTooMany(node: unknown, { faults, written }: Building): Scalar {
  const { range } = scalar(node);
  if (written === maxValues + 1) faults.push(syntax(range, `the file has more than ${maxValues} values`));
  return { ...nothing, range };
}

function follow(alias: Alias, { anchors, faults }: Building): Tree {
  const range = rangeOf(alias);
  const target = anchors.get(alias.source);
  if (typeof target === 'object') return target;
  // Its name is not told: a secret that begins with * is taken for one.
  faults.push(
    target === 'open'
      ? syntax(range, 'the alias stands within what it names')
      : syntax(range, 'the alias names no anchor above it', 'put a text that begins with * in quotes'),
  );
  return { ...nothing, range };
}

function map(node: YAMLMap, building: Building): Tree {
  const entries = new Map<string, Entry>();
  const leftOut: (readonly [string, Entry])[] = [];
  let size = 1;
  for (const pair of node.items) {
    if (building.written > maxValues) break;
    const { name, key, value, fault } = entryOf(pair, entries, building);
    if (fault === null) {
      entries.set(name, { key, value });
      size += value.size;
    } else {
      building.faults.push(fault);
      leftOut.push([name, { key, value }]);
    }
  }
  return { kind: 'map', range: rangeOf(node), size, entries, leftOut };
}

/** `fault` says why it cannot count. */
function entryOf(
  { key, value }: Pair,
  earlier: ReadonlyMap<string, Entry>,
  building: Building,
): Entry & { readonly name: string; readonly fault: Fault | null } {
  const tree = build(key, building);
  const { range } = tree;
  const name = tree.kind === 'scalar' && !isAlias(key) ? tree.written : null;
  const missing: Scalar = { ...nothing, range: { start: range.end, end: range.end } };
  return {
    name: name ?? '',
    key: range,
    value: value === null ? missing : build(value, building),
    fault: faultOfKey(name, range, name === null ? undefined : earlier.get(name)),
  };
}

function faultOfKey(name: string | null, range: Range, earlier: Entry | undefined): Fault | null {
  if (name === null) return syntax(range, 'a key must be a plain word');
  if (name === '__proto__') return syntax(range, 'a key cannot be named "__proto__"');
  if (earlier === undefined) return null;
  // What comes behind a colon is no part of a name, and may be secret.
  const message = `key "${name.replace(/[:=\s].*$/s, '…').slice(0, 60)}" is repeated`;
  return { code: 'DUPLICATE_KEY', range, message, hint: 'only one of them can count', other: earlier.key };
}

function seq(node: YAMLSeq, building: Building): Tree {
  const items = node.items.map((item) => build(item, building));
  return { kind: 'seq', range: rangeOf(node), size: items.reduce((sum, item) => sum + item.size, 1), items };
}

const nothing: Scalar = { kind: 'scalar', range: { start: 0, end: 0 }, size: 1, value: null, written: '' };

function scalar(node: unknown): Scalar {
  if (!isScalar(node)) return isMap(node) || isSeq(node) ? { ...nothing, range: rangeOf(node) } : nothing;
  const value = plainValue(node);
  return {
    kind: 'scalar',
    range: rangeOf(node),
    size: 1,
    value,
    written: typeof value === 'string' ? value : (node.source ?? ''),
  };
}

function plainValue({ value }: YamlScalar): Scalar['value'] {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return String(value);
}

/** Without what stands between the value and the next token. */
function rangeOf({ range }: Node): Range {
  return { start: range?.[0] ?? 0, end: range?.[1] ?? 0 };
}

function syntax(range: Range, message: string, hint: string | null = null): Fault {
  return { code: 'YAML_SYNTAX', range, message, hint };
}
