/** The rules of the house over a set of files: what is forbidden, where it stands, and why. */

import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { Layer } from './arrows.js';
import { type Import, readSource, type Source } from './source.js';

/** Path from the repository's root -> text. */
export type Files = ReadonlyMap<string, string>;

/** In the core these would make a step depend on something else than its arguments. */
const ambient = [
  'Date',
  'Math.random',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'performance',
  'globalThis',
  'console',
  'fetch',
  'crypto',
  'Promise',
  'async',
  'await',
];

/** One line a violation, `path:line: what`; empty where the house is in order. */
export function violations(files: Files, layers: readonly Layer[]): string[] {
  const sources = new Map([...files].map(([path, text]) => [path, readSource(path, text)]));
  return [...[...sources].flatMap(([path, source]) => ofFile(path, source, files, layers)), ...cycles(sources)];
}

function ofFile(path: string, source: Source, files: Files, layers: readonly Layer[]): string[] {
  const at = (line: number, what: string) => `${path}:${line}: ${what}`;
  const layer = layerOf(path, layers);
  if (layer === undefined) return [at(1, 'belongs to no layer: name it in test/architecture/arrows.ts')];
  return [
    ...source.imports.flatMap((wanted) => [...ofImport(path, layer, wanted, files, layers)].map((what) => at(wanted.line, what))),
    ...source.defaultExports.map((line) => at(line, 'default export')),
    ...source.moduleVariables.map((line) => at(line, 'state of the module: pass it in')),
    ...(source.isBarrel ? [at(1, 'barrel: import from where it is')] : []),
    ...source.mentions
      .filter(({ name }) => layer.name === 'core' && ambient.includes(name))
      .map(({ name, line }) => at(line, `"${name}" in the core`)),
    ...source.mentions
      .filter(({ name }) => name === 'process.exit' && layer.name !== 'bin')
      .map(({ line }) => at(line, 'process.exit outside of bin')),
  ];
}

function* ofImport(
  path: string,
  layer: Layer,
  { specifier, typeOnly }: Import,
  files: Files,
  layers: readonly Layer[],
): Generator<string> {
  if (!specifier.startsWith('.')) {
    yield* ofPackage(path, layer, specifier);
    return;
  }
  if (!/\.(js|json)$/.test(specifier)) yield `"${specifier}" lacks .js`;
  const target = resolve(path, specifier, files);
  if (!files.has(target)) {
    yield `"${specifier}" is no file of the house`;
    return;
  }
  const to = layerOf(target, layers);
  if (to === undefined || to.name === layer.name) return;
  const allowed = [...layer.layers, ...(layer.exceptions?.[path] ?? [])];
  if (allowed.includes('*') || allowed.includes(to.name) || (typeOnly && allowed.includes(`${to.name}:types`))) return;
  yield allowed.includes(`${to.name}:types`)
    ? `${layer.name} may take types alone from ${to.name}: "${specifier}"`
    : `${layer.name} may not import ${to.name}: "${specifier}"`;
}

function* ofPackage(path: string, layer: Layer, specifier: string): Generator<string> {
  if (specifier.startsWith('node:')) {
    if (!layer.packages.includes('node:*')) yield `${layer.name} may not import "${specifier}"`;
    return;
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (builtinModules.includes(name)) yield `"${specifier}" lacks node:`;
  else if (!layer.packages.includes(name)) yield `${layer.name} may not import the package "${name}"`;
  else if (name === 'chalk' && path !== 'src/text/colour.ts') yield 'chalk is imported by src/text/colour.ts alone';
}

function resolve(from: string, specifier: string, files: { has(path: string): boolean }): string {
  const path = posix.join(posix.dirname(from), specifier.replace(/\.js$/, '.ts'));
  return !files.has(path) && files.has(`${path}x`) ? `${path}x` : path;
}

function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  const lengthOfFit = (layer: Layer) =>
    Math.max(0, ...layer.files.filter((prefix) => path.startsWith(prefix)).map(({ length }) => length));
  const [best] = [...layers].sort((a, b) => lengthOfFit(b) - lengthOfFit(a));
  return best !== undefined && lengthOfFit(best) > 0 ? best : undefined;
}

/** One violation a circle, told from its first file; circles of types count too. */
function cycles(sources: ReadonlyMap<string, Source>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`${path}:1: imports itself: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    const targets = (sources.get(path)?.imports ?? [])
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => resolve(path, specifier, sources));
    for (const target of new Set(targets)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of [...sources.keys()].sort()) visit(path, []);
  return found;
}
