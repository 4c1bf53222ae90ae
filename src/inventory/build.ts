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
  const tree = isMap(node) ? map(node, building) : isSeq(node) ? seq(node, building) : scalar(node);
  if (anchor !== undefined) building.anchors.set(anchor, tree);
  return tree;
}

function follow(alias: Alias, { anchors, faults }: Building): Tree {
  const range = rangeOf(alias);
  const target = anchors.get(alias.source);
  if (typeof target === 'object') return target;
  const name = alias.source.slice(0, 60);
  faults.push(
    syntax(range, target === 'open' ? `alias "*${name}" stands within itself` : `alias "*${name}" names no anchor above it`),
  );
  return { kind: 'scalar', range, size: 1, value: null, written: '' };
}

function map(node: YAMLMap, building: Building): Tree {
  const entries = new Map<string, Entry>();
  let size = 1;
  for (const pair of node.items) {
    const entry = entryOf(pair, building);
    if (entry === null) continue;
    const { name, key, value } = entry;
    const earlier = entries.get(name);
    if (earlier !== undefined) {
      const message = `key "${name.slice(0, 60)}" is repeated`;
      building.faults.push({
        code: 'DUPLICATE_KEY',
        range: key,
        message,
        hint: 'only one of them can count',
        other: earlier.key,
      });
      continue;
    }
    entries.set(name, { key, value });
    size += value.size;
  }
  return { kind: 'map', range: rangeOf(node), size, entries };
}

function entryOf({ key, value }: Pair, building: Building): (Entry & { readonly name: string }) | null {
  const tree = build(key, building);
  if (tree.kind !== 'scalar' || isAlias(key)) {
    building.faults.push(syntax(tree.range, 'a key must be a plain word'));
    return null;
  }
  const { range, written: name } = tree;
  if (name === '__proto__') {
    building.faults.push(syntax(range, 'a key cannot be named "__proto__"'));
    return null;
  }
  const missing: Scalar = { kind: 'scalar', range: { start: range.end, end: range.end }, size: 1, value: null, written: '' };
  return { name, key: range, value: value === null ? missing : build(value, building) };
}

function seq(node: YAMLSeq, building: Building): Tree {
  const items = node.items.map((item) => build(item, building));
  return { kind: 'seq', range: rangeOf(node), size: items.reduce((sum, item) => sum + item.size, 1), items };
}

function scalar(node: unknown): Scalar {
  if (!isScalar(node)) return { kind: 'scalar', range: { start: 0, end: 0 }, size: 1, value: null, written: '' };
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

function syntax(range: Range, message: string): Fault {
  return { code: 'YAML_SYNTAX', range, message, hint: null };
}
