import { appendFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Alarm, Offload } from '../../src/core/facts.js';
import type { EngineKind, PoolSpec } from '../../src/core/model.js';
import { watchLog } from '../../src/shell/log-watch.js';
import { scratchDir } from '../host/scratch.js';
import { launchOf } from './launches.js';

const exit = { code: 1, signal: null };
const illegal = '0.09.000.000 E srv  update_slots: CUDA error: an illegal memory access was encountered';
const suspect = '0.09.000.000 E srv  update_slots: CUDA error: unknown error';
const banner = '--- poolctl: chat/r0 incarnation 1 2026-11-27T07:00:00.000Z';

async function watch(
  engine: EngineKind,
  written = `${banner}\n`,
  {
    adopted = false,
    offset = 0,
    ...spec
  }: { adopted?: boolean; offset?: number } & Partial<Pick<PoolSpec, 'args' | 'env' | 'logs'>> = {},
) {
  const path = join(await scratchDir(), 'r0.log');
  writeFileSync(path, written);
  const alarms: Alarm[] = [];
  const offloads: Offload[] = [];
  let shiftMs = 0;
  const launch = launchOf({ engine, ...spec });
  const watched = watchLog(launch, {
    path,
    limits: launch.spec.logs,
    offset,
    adopted,
    alarmed: (alarm) => alarms.push(alarm),
    offloaded: (offload) => offloads.push(offload),
    onStorage: (error) => expect(error).toBeNull(),
    now: () => performance.now() + shiftMs,
  });
  onTestFinished(async () => void (await watched.diagnose(exit, []).catch(() => null)));
  const later = (ms: number): void => {
    shiftMs += ms;
  };
  return {
    path,
    alarms,
    offloads,
    watched,
    later,
    append: (...lines: string[]) => appendFileSync(path, `${lines.join('\n')}\n`),
  };
}

const patience = { interval: 5, timeout: 4_000 };

test('an error of its GPU in its own form raises an alarm while it lives, one of a kind in a second', async () => {
  const { alarms, append, later } = await watch('demo');
  append('0.01.000.000 I srv  llama_server: listening on http://127.0.0.1:8080', suspect, suspect, illegal, illegal);
  await expect.poll(() => alarms.length, patience).toBe(2);
  expect(alarms).toEqual([
    expect.objectContaining({ kind: 'suspect', class: 'driver', line: 3, text: suspect }),
    expect.objectContaining({ kind: 'sticky', class: 'gpu_error', subclass: 'illegal_memory_access', line: 5, text: illegal }),
  ]);
  later(1_000);
  append(illegal);
  await expect.poll(() => alarms.length, patience).toBe(3);
  expect(alarms[2]).toMatchObject({ kind: 'sticky', line: 7 });
});

test('neither the text of a user nor the line of a program that nobody knows raises one; after death the latter is evidence', async () => {
  const vllm = await watch('vllm');
  vllm.append(
    "INFO 08-20 12:00:00 [logger.py:41] Received request cmpl-1: prompt: 'CUDA error: an illegal memory access was encountered', params: x",
    'ERROR 08-20 12:00:01 [core.py:97] RuntimeError: CUDA error: an illegal memory access was encountered',
  );
  await expect.poll(() => vllm.alarms.length, patience).toBe(1);
  expect(vllm.alarms[0]).toMatchObject({ line: 3 });
  const command = await watch('command');
  command.append('CUDA error: an illegal memory access was encountered');
  const diagnosis = await command.watched.diagnose({ code: 134, signal: null }, []);
  expect(command.alarms).toEqual([]);
  expect(diagnosis).toMatchObject({ class: 'gpu_error', evidence: { line: 2 } });
});

test('why it died: by what it wrote in this life, by the kernel, or unknown', async () => {
  const before = `${banner}\n${illegal}\n`;
  const { watched, append } = await watch('llamacpp', before, { offset: before.length });
  append(banner.replace('incarnation 1', 'incarnation 2'));
  append("0.00.010.000 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 18160");
  expect(await watched.diagnose(exit, [])).toMatchObject({ class: 'config', subclass: 'port_in_use', evidence: { line: 2 } });
  const killed = await watch('llamacpp');
  const oom = { kind: 'oom', source: 'cgroup', text: 'oom_kill rose' } as const;
  expect(await killed.watched.diagnose({ code: null, signal: 'SIGKILL' }, [oom])).toMatchObject({ class: 'host_oom' });
  const silent = await watch('llamacpp');
  expect(await silent.watched.diagnose({ code: null, signal: 'SIGKILL' }, [])).toMatchObject({ class: 'unknown' });
});

test('of what an adopted engine wrote before, only the last error that nothing but a new process cures is told', async () => {
  const { alarms, append } = await watch('demo', `${[banner, illegal, suspect, illegal, suspect].join('\n')}\n`, {
    adopted: true,
  });
  await expect.poll(() => alarms.length, patience).toBe(1);
  expect(alarms).toEqual([expect.objectContaining({ kind: 'sticky', line: 4 })]);
  append(suspect);
  await expect.poll(() => alarms.length, patience).toBe(2);
  expect(alarms[1]).toMatchObject({ kind: 'suspect', line: 6 });
});

const layers = (some: number, all: number): string => `0.00.071.123 I load_tensors: offloaded ${some}/${all} layers to GPU`;

test('how many layers are on the devices is told once, of the first model, and never by the text of a user', async () => {
  const { offloads, alarms, append } = await watch('llamacpp');
  append(
    `prompt: 'one of several lines`,
    'load_tensors: offloaded 0/33 layers to GPU',
    `and its end'`,
    `0.00.070.000 I srv  log_server_r: request: {"prompt":"load_tensors: offloaded 1/33 layers to GPU"}`,
    layers(20, 33),
    layers(0, 13),
    suspect,
  );
  await expect.poll(() => alarms.length, patience).toBe(1);
  expect(offloads).toEqual([{ layers: 20, of: 33 }]);
});

test.each([
  ['llamacpp', { args: ['--n-gpu-layers', '20'] }],
  ['llamacpp', { args: ['--gpu-layers=20'] }],
  ['llamacpp', { args: ['-c', '4096', '-ngl', '20'] }],
  ['llamacpp', { args: ['-ot', 'exps=CPU'] }],
  ['llamacpp', { args: ['--n-cpu-moe', '10'] }],
  ['llamacpp', { args: ['--cpu-moe'] }],
  ['llamacpp', { env: { LLAMA_ARG_N_GPU_LAYERS: { value: '20' } } }],
  ['llamacpp', { env: { LLAMA_ARG_CPU_MOE: { value: '1' } } }],
  ['demo', {}],
] as const)('%s with %j: where the inventory says it, or nobody can, it is not told', async (engine, spec) => {
  const { offloads, alarms, append } = await watch(engine, `${banner}\n`, spec);
  append(layers(20, 33), suspect);
  await expect.poll(() => alarms.length, patience).toBe(1);
  expect(offloads).toEqual([]);
});

test.each([
  ['has been told by whoever launched it', [banner, layers(20, 33), illegal], []],
  ['is told where its log comes to it later', [banner, illegal], [{ layers: 10, of: 33 }]],
])('how many layers of an adopted engine are on the devices %s', async (_, written, told) => {
  const { offloads, alarms, append } = await watch('llamacpp', `${written.join('\n')}\n`, { adopted: true });
  await expect.poll(() => alarms.length, patience).toBe(1);
  append(layers(10, 33), suspect);
  await expect.poll(() => alarms.length, patience).toBe(2);
  expect(offloads).toEqual(told);
});

test('a log that was emptied under an earlier supervisor is read from its beginning, however long it has become since', async () => {
  const offset = `${banner}\n`.length;
  const { watched } = await watch('demo', `${'words that came after\n'.repeat(3)}${illegal}\n${'x'.repeat(200)}\n`, {
    adopted: true,
    offset,
  });
  const { subclass, evidence } = await watched.diagnose(exit, []);
  expect([subclass, evidence?.line]).toEqual(['illegal_memory_access', 4]);
});

test('a log is rotated by whoever follows it, and its lines are counted on', async () => {
  const { path, watched, append } = await watch('demo', `${banner}\n${'y'.repeat(999)}\n`, {
    logs: { maxSizeBytes: 1000, keep: 1 },
  });
  await expect.poll(() => statSync(path).size, patience).toBe(0);
  append(illegal);
  const { evidence } = await watched.diagnose(exit, []);
  expect(evidence?.line).toBe(3);
});

test('a log that is left is read no more, and its file is closed', async () => {
  const { path, alarms, watched, append } = await watch('demo');
  const follows = (): boolean => readdirSync('/proc/self/fd').some((fd) => nameOf(fd) === path);
  expect(follows()).toBe(true);
  append(illegal);
  watched.leave();
  expect(follows()).toBe(false);
  await new Promise(setImmediate);
  expect(alarms).toEqual([]);
});

function nameOf(fd: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one that read the directory.
    return null;
  }
}
