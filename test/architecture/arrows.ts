/** The house as data: which files make a layer, and what each layer may import. Nothing else may. */

export type Layer = {
  readonly name: string;
  /** Path prefixes from the repository's root; of two that fit, the longer one wins. */
  readonly files: readonly string[];
  /** Layers that it may import besides itself. `x:types` permits `import type` alone. */
  readonly layers: readonly string[];
  /** Packages, and 'node:*' for those of Node. */
  readonly packages: readonly string[];
  /** Arrows of single files, over and above those of the layer. */
  readonly exceptions?: Readonly<Record<string, readonly string[]>>;
};

export const layers: readonly Layer[] = [
  { name: 'core', files: ['src/core/'], layers: [], packages: [] },
  // Of devices it needs how they are named, as the engines do.
  { name: 'diagnosis', files: ['src/diagnosis/'], layers: ['core', 'errors', 'devices'], packages: [] },
  { name: 'engines', files: ['src/engines/'], layers: ['core', 'errors', 'devices'], packages: [] },
  { name: 'devices', files: ['src/devices/'], layers: ['core', 'errors'], packages: [] },
  {
    name: 'inventory',
    files: ['src/inventory/'],
    layers: ['core', 'engines', 'devices', 'text', 'errors'],
    packages: ['node:*', 'yaml', 'zod'],
  },
  // What it turns into words, views among it, it must know the shape of.
  { name: 'text', files: ['src/text/'], layers: ['wire:types', 'errors'], packages: ['node:*', 'chalk'] },
  { name: 'host', files: ['src/host/'], layers: ['core:types', 'devices', 'models', 'errors'], packages: ['node:*', 'execa'] },
  { name: 'models', files: ['src/models/'], layers: ['core', 'devices', 'errors'], packages: ['node:*'] },
  { name: 'checkup', files: ['src/checkup/'], layers: ['core:types', 'errors'], packages: [] },
  // Of models it knows what their headers say.
  { name: 'proposal', files: ['src/proposal/'], layers: ['core', 'models:types', 'errors'], packages: [] },
  {
    name: 'shell',
    files: ['src/shell/'],
    layers: ['core', 'diagnosis', 'devices', 'engines', 'host', 'models', 'errors'],
    packages: ['node:*', 'execa', 'tree-kill'],
  },
  { name: 'wire', files: ['src/api/wire.ts'], layers: ['core:types', 'errors'], packages: [] },
  {
    name: 'client',
    files: ['src/api/client', 'src/api/connection.ts', 'src/api/sse.ts', 'src/api/logs', 'src/api/watch.ts'],
    layers: ['wire', 'core:types', 'text', 'errors'],
    packages: ['node:*'],
  },
  { name: 'server', files: ['src/api/'], layers: ['wire', 'client', 'core:types', 'text', 'errors'], packages: ['node:*'] },
  {
    name: 'telemetry',
    files: ['src/telemetry/'],
    layers: ['wire', 'core:types', 'text', 'errors'],
    packages: ['node:*', 'prom-client'],
  },
  { name: 'tui', files: ['src/tui/'], layers: ['client', 'wire', 'text', 'errors'], packages: ['node:*', 'ink', 'react'] },
  { name: 'demo', files: ['src/demo/'], layers: [], packages: ['node:*'] },
  { name: 'errors', files: ['src/errors.ts', 'src/version.ts'], layers: [], packages: [] },
  // The composition roots: the supervisor, its dress rehearsal, and the look at where it would run.
  {
    name: 'up',
    files: ['src/up.ts', 'src/up/', 'src/plan.ts', 'src/doctor.ts', 'src/doctor/'],
    layers: ['*'],
    packages: ['node:*'],
  },
  {
    name: 'commands',
    files: ['commands/'],
    layers: [
      'client',
      'wire',
      'inventory',
      'engines',
      'tui',
      'text',
      'diagnosis',
      'devices',
      'host',
      'models',
      'proposal',
      'errors',
    ],
    packages: ['node:*', 'commander'],
    exceptions: { 'commands/up.ts': ['up'], 'commands/plan.ts': ['up'], 'commands/doctor.ts': ['up', 'checkup'] },
  },
  { name: 'bin', files: ['bin/'], layers: ['commands', 'errors'], packages: ['node:*', 'commander'] },
];
