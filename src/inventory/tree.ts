/** What parse.ts makes of YAML: plain values that still know where they stand. Aliases share their tree. */

import type { Range } from './source.js';

export type Scalar = {
  readonly kind: 'scalar';
  readonly range: Range;
  /** Nodes in it, itself included, aliases expanded. */
  readonly size: number;
  readonly value: string | number | boolean | null;
  /** As written, without quotes: `016`, where `value` is 16. */
  readonly written: string;
};
export type Seq = { readonly kind: 'seq'; readonly range: Range; readonly size: number; readonly items: readonly Tree[] };
export type Entry = { readonly key: Range; readonly value: Tree };
export type Mapping = {
  readonly kind: 'map';
  readonly range: Range;
  readonly size: number;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Under keys that are repeated or cannot be: none of it counts, but it may be secret. */
  readonly leftOut: readonly (readonly [name: string, entry: Entry])[];
};
export type Tree = Scalar | Seq | Mapping;

export type Path = readonly (string | number)[];

/** The value at `path` with its key, if it stands in a mapping; null where there is none. */
export function find(root: Tree, path: Path): { readonly key: Range | null; readonly value: Tree } | null {
  let here: { key: Range | null; value: Tree } = { key: null, value: root };
  for (const step of path) {
    const { value } = here;
    if (value.kind === 'map') {
      const entry = value.entries.get(String(step));
      if (entry === undefined) return null;
      here = entry;
    } else {
      const item = value.kind === 'seq' ? value.items[Number(step)] : undefined;
      if (item === undefined) return null;
      here = { key: null, value: item };
    }
  }
  return here;
}

/** A fresh plain value; mutable, shared with nobody. */
export function toPlain(tree: Tree): unknown {
  switch (tree.kind) {
    case 'scalar':
      return tree.value;
    case 'seq':
      return tree.items.map(toPlain);
    case 'map':
      return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, toPlain(value)]));
  }
}

/** `pools.chat.args[2]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
