/** What `init` finds on a machine of files and small programs. */

import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { lookAround } from '../../commands/init/look.js';
import type { FoundEngine } from '../../src/proposal/found.js';
import { scratchDir } from '../host/scratch.js';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { writeCorruptModel, writeTinyModel } from '../rig/gguf.js';
import { bareMachine, fakeLlamaServer, script } from '../rig/programs.js';

async function machine() {
  const home = await scratchDir();
  const bin = bareMachine(join(home, 'bin'));
  const look = (more: Partial<Parameters<typeof lookAround>[1]> = {}, env: Record<string, string> = {}) =>
    lookAround({ env: { PATH: bin, ...env }, cwd: home, home }, { models: [], ...more });
  return { home, bin, look };
}

const engineOf = (engines: readonly FoundEngine[], kind: FoundEngine['kind']) => engines.find((each) => each.kind === kind);

it('finds nothing where nothing is, and says where it looked', async () => {
  const { look } = await machine();
  expect(await look()).toMatchObject({
    devices: [],
    note: expect.stringContaining('on PATH'),
    engines: [{ path: null }, { path: null }, { path: null }],
    models: [],
    whole: true,
    places: [
      '~/models',
      '~/.cache/llama.cpp',
      '~/.cache/huggingface/hub',
      '~/.cache/poolctl/models',
      '~/.lmstudio/models',
      '~/.cache/lm-studio/models',
    ],
    memoryBytes: expect.any(Number),
    ports: { range: null, first: expect.any(Number) },
  });
});

it('asks engines for their version, and llama-server for the GPUs that it sees', async () => {
  const { bin, look } = await machine();
  const path = fakeLlamaServer(bin, ['CUDA0', 'CUDA1']);
  script(bin, 'vllm', 'echo "INFO 0 is no version" >&2; echo 0.11.0');
  const { engines } = await look();
  expect(engineOf(engines, 'llamacpp')).toEqual({
    ...{ kind: 'llamacpp', name: 'llama-server', path, version: 'b6710-c392e509', flaw: null, sees: ['CUDA0', 'CUDA1'] },
  });
  expect(engineOf(engines, 'vllm')).toMatchObject({ version: '0.11.0', flaw: null, sees: null });
});

it('an engine that does not run is told as what it is', async () => {
  const { bin, look } = await machine();
  script(bin, 'llama-server', 'echo "llama-server: error while loading shared libraries: libcuda.so.1" >&2; exit 127');
  script(bin, 'vllm', 'kill -SEGV $$');
  const { engines } = await look();
  expect(engineOf(engines, 'llamacpp')).toMatchObject({
    flaw: 'it ends with status 127: llama-server: error while loading shared libraries: libcuda.so.1',
  });
  expect(engineOf(engines, 'vllm')?.flaw).toMatch(/died by SIGSEGV$/);
});

it('finds GPUs, and models in every usual place, each called as an inventory names it', async () => {
  const { home, look } = await machine();
  const { env } = await fakeNvidiaSmi(join(home, 'gpus'), { gpus: [{ index: 0 }, { index: 1 }] }, join(home, 'bin'));
  const put = async (path: string): Promise<void> => {
    await mkdir(dirname(join(home, path)), { recursive: true });
    writeTinyModel(join(home, path));
  };
  const snapshot = '.cache/huggingface/hub/models--org--My-Repo/snapshots/abc123';
  await put('models/a.gguf');
  await put('.lmstudio/models/maker/b/b.gguf');
  await put('.cache/huggingface/hub/models--org--My-Repo/blobs/f00');
  await mkdir(join(home, snapshot, 'q4'), { recursive: true });
  await symlink('../../../blobs/f00', join(home, snapshot, 'q4', 'c.gguf'));
  await mkdir(join(home, '.cache/huggingface/hub/models--Qwen--Qwen3-8B-AWQ/snapshots/def'), { recursive: true });
  for (const name of ['config.json', 'model-00001-of-00002.safetensors'])
    await writeFile(join(home, '.cache/huggingface/hub/models--Qwen--Qwen3-8B-AWQ/snapshots/def', name), '');
  await mkdir(join(home, 'mine'));
  writeCorruptModel(join(home, 'mine/cut.gguf'));
  await writeFile(join(home, 'mine/text.gguf'), 'no model');
  await put('mine/p-00001-of-00002.gguf');
  await put('mine/whole-00001-of-00002.gguf');
  await copyFile(join(home, 'models/a.gguf'), join(home, 'mine/whole-00002-of-00002.gguf'));
  const found = await look({ models: ['mine'] }, env);
  expect(found.hubRepos).toEqual(['Qwen/Qwen3-8B-AWQ']);
  expect(found.devices.map(({ index }) => index)).toEqual(['0', '1']);
  const summary = found.models.map(({ ref, missing, header }) => [ref, header.ok ? header.value.name : header.error, ...missing]);
  expect(summary.sort()).toEqual([
    ['hf:org/My-Repo/q4/c.gguf', 'tiny'],
    ['~/.lmstudio/models/maker/b/b.gguf', 'tiny'],
    ['~/mine/cut.gguf', 'tiny'],
    ['~/mine/p-00001-of-00002.gguf', 'tiny', 'p-00002-of-00002.gguf'],
    ['~/mine/text.gguf', expect.stringContaining('it is no GGUF file')],
    ['~/mine/whole-00001-of-00002.gguf', 'tiny'],
    ['~/models/a.gguf', 'tiny'],
  ]);
});

it('does not look for models for ever', async () => {
  const { home, look } = await machine();
  await mkdir(join(home, 'models'));
  writeTinyModel(join(home, 'models/a.gguf'));
  expect(await look({ late: AbortSignal.abort() })).toMatchObject({ whole: false });
});
