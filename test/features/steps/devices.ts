/** The machine's GPUs, as a fake nvidia-smi tells of them, and which of them an engine may see. */

import { deepStrictEqual } from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import { maskVariables } from '../../../src/devices/mask-variables.js';
import type { FakeGpu } from '../../rig/fake-nvidia-smi.js';
import { gpusOf, say } from '../world/gpus.js';
import { environment } from '../world/proc.js';
import type { PoolctlWorld } from '../world/world.js';

Given('a machine with {int} GPU(s)', function (this: PoolctlWorld, count: number) {
  return say(this, { gpus: Array.from({ length: count }, () => ({})) });
});

/** A row a GPU; the columns are nvidia-smi's own fields, and an empty cell is a healthy RTX 3090's. */
Given('a machine with the GPUs:', function (this: PoolctlWorld, table: DataTable) {
  return say(this, { gpus: table.hashes().map(gpuOf) });
});

Given('a machine with one GPU cut into {int} MIG slices', function (this: PoolctlWorld, count: number) {
  const mig = Array.from({ length: count }, (_, n) => ({ profile: '1g.10gb', uuid: `MIG-aaaa${n}-bbbb` }));
  return say(this, { gpus: [{ name: 'NVIDIA H100 80GB HBM3', mig }] });
});

Given('an nvidia-smi that finds no GPU', function (this: PoolctlWorld) {
  return say(this, { gpus: [] });
});

Given('an nvidia-smi of an old driver that does not know {string}', function (this: PoolctlWorld, fields: string) {
  return say(this, { gpus: [{}, {}], unknownFields: fields.split(', ') });
});

/** Nor another tool of its kind. Of the PATH only the directories without one are left. */
Given('no nvidia-smi on the machine', function (this: PoolctlWorld) {
  const tools = ['nvidia-smi', 'amd-smi', 'rocm-smi'];
  const without = (this.rig.env.PATH ?? '').split(':').filter((dir) => !tools.some((tool) => existsSync(join(dir, tool))));
  this.rig.env.PATH = without.join(':');
});

Given('nvidia-smi hangs', function (this: PoolctlWorld) {
  return say(this, { gpus: [{}, {}], hang: true });
});

Given('nvidia-smi dies of {word}', function (this: PoolctlWorld, killedBy: NodeJS.Signals) {
  return say(this, { gpus: [{}, {}], killedBy });
});

Given('nvidia-smi fails with {int} and {string}', function (this: PoolctlWorld, code: number, text: string) {
  return say(this, { gpus: [{}, {}], fail: { code, text } });
});

Given('the NVIDIA driver was updated under the loaded one', function (this: PoolctlWorld) {
  return say(this, { gpus: [{}, {}], driverMismatch: true });
});

Given('nvidia-smi works again', function (this: PoolctlWorld) {
  return say(this, { gpus: [{}, {}] });
});

When('GPU {int} falls off the bus', function (this: PoolctlWorld, index: number) {
  return say(this, { gpus: gpusOf(this).filter((_, at) => at !== index) });
});

When('the {string} of GPU {int} becomes {string}', function (this: PoolctlWorld, field: string, index: number, value: string) {
  return say(this, { gpus: gpusOf(this).map((gpu, at) => (at === index ? { ...gpu, [field]: value } : gpu)) });
});

/** As llama-server is: it lists what it sees, and serves. It notes how often it was asked for the list. */
Given('a llama-server that lists {string}', function (this: PoolctlWorld, devices: string) {
  installLlamaServer(this, devices, null);
});

/** Before it serves it logs how many layers it has put there: "20/33". */
Given(
  'a llama-server that lists {string} and puts {string} layers there',
  function (this: PoolctlWorld, devices: string, layers: string) {
    installLlamaServer(this, devices, layers);
  },
);

Then('llama-server was not asked for its devices', function (this: PoolctlWorld) {
  let asked = '';
  try {
    asked = readFileSync(join(this.rig.dir, 'asked'), 'utf8');
  } catch {
    // Nobody has asked.
  }
  deepStrictEqual(asked, '');
});

Then('llama-server was asked for its devices under the mask {string}', function (this: PoolctlWorld, mask: string) {
  deepStrictEqual(readFileSync(join(this.rig.dir, 'asked'), 'utf8'), `${mask}\n`);
});

/** These and none of the other variables by which a GPU runtime is told what it may see. */
Then('the engine of {replica} sees its devices by:', function (this: PoolctlWorld, key: string, table: DataTable) {
  const env = environment(this.pidOf(key));
  const set = maskVariables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  deepStrictEqual(Object.fromEntries(set), Object.fromEntries(table.raw()));
});

function gpuOf(row: Readonly<Record<string, string>>): FakeGpu {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== ''));
}

function installLlamaServer({ rig }: PoolctlWorld, devices: string, layers: string | null): void {
  const bin = join(rig.dir, 'llama');
  const program = join(bin, 'llama-server');
  mkdirSync(bin, { recursive: true });
  const lines =
    devices === 'no device'
      ? []
      : devices.split(', ').map((name) => `  ${name}: NVIDIA GeForce RTX 3090 (24576 MiB, 24100 MiB free)`);
  const log = layers === null ? [] : [`0.00.071.123 I load_tensors: offloaded ${layers} layers to GPU`];
  writeFileSync(program, llamaServer(['Available devices:', ...lines].join('\n'), join(rig.dir, 'asked'), log));
  chmodSync(program, 0o755);
  rig.env.PATH = `${bin}:${rig.env.PATH}`;
}

function llamaServer(list: string, asked: string, log: readonly string[]): string {
  return `#!${process.execPath}
const { createServer } = require('node:http');
const args = process.argv.slice(2);
if (args.includes('--list-devices')) {
  require('node:fs').appendFileSync(${JSON.stringify(asked)}, (process.env.CUDA_VISIBLE_DEVICES ?? '') + '\\n');
  console.log(${JSON.stringify(list)});
} else if (args.includes('--version')) {
  console.error('version: 4754 (c392e509)');
} else {
  for (const line of ${JSON.stringify(log)}) console.error(line);
  createServer((_, response) => response.end('{"status":"ok"}')).listen(Number(args[args.indexOf('--port') + 1]), '127.0.0.1');
}
`;
}
