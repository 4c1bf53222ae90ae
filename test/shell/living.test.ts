/** What a supervisor makes of an engine that lives and is sick, and of one that died: the core, the real hands and real demo engines. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KernelEvidence } from '../../src/core/crash.js';
import type { PoolSpec } from '../../src/core/model.js';
import { ask, buildDemoEngine } from '../rig/demo-engine.js';
import { quick, supervise, told } from './supervise.js';

let directory: string;
let script: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'living-'));
  script = await buildDemoEngine(join(directory, 'engine.mjs'));
});
afterAll(() => rm(directory, { recursive: true }));

async function ready(health: Partial<PoolSpec['health']> = {}, kernel: readonly KernelEvidence[] = []) {
  const spec = quick({ engine: 'demo', drain: { deadlineMs: 5_000, inflight: 'auto' } });
  const argv = (port: number) => [process.execPath, script, '--port', String(port), '--load-time', '0', '--token-time', '5ms'];
  const { runtime } = supervise({ ...spec, health: { ...spec.health, timeoutMs: 200, ...health } }, argv, kernel);
  const first = told(runtime, 'replica.ready');
  runtime.give({ type: 'woke' });
  const { pid = 0, port = 0 } = await first;
  return { runtime, pid, port, order: (text: string) => ask(port, 'POST', `/demo/${text}`) };
}

it('a sticky GPU error in the log of a living engine: unready, ended, and another one in its place, with class and line', async () => {
  const { runtime, pid, order } = await ready();
  const [unhealthy, crashed, again] = ['replica.unhealthy', 'replica.crashed', 'replica.ready'] as const;
  const news = Promise.all([told(runtime, unhealthy), told(runtime, crashed), told(runtime, again)]);
  await order('gpu-error');
  const [sick, dead, next] = await news;
  expect(sick).toMatchObject({ because: 'sticky', crash_class: 'gpu_error' });
  expect(dead).toMatchObject({ crash_class: 'gpu_error' });
  expect(next.pid).not.toBe(pid);
});

it('a doubtful one is put to the proof: a token makes it well, none ends it', async () => {
  const { runtime, pid, order } = await ready({ generate: { everyMs: null, timeoutMs: 300 } });
  const doubt = `gpu-error?text=${encodeURIComponent('CUDA error: unknown error')}`;
  const well = Promise.all([told(runtime, 'replica.unhealthy'), told(runtime, 'replica.ready')]);
  await order(doubt);
  const [sick, recovered] = await well;
  expect(sick).toMatchObject({ because: 'suspect', crash_class: 'driver' });
  expect(recovered).toMatchObject({ because: 'recovered', pid });
  await order('mute');
  const ended = told(runtime, 'replica.crashed');
  // One of a kind in a second.
  const repeated = setInterval(() => void order(doubt).catch(() => {}), 200);
  expect(await ended).toMatchObject({ crash_class: 'driver' });
  clearInterval(repeated);
});

it('an engine whose health hangs while it serves a request is borne, and one that closes its port is not', async () => {
  const { runtime, port, order } = await ready({ intervalMs: 400, timeoutMs: 400, failureThreshold: 1, restartAfterMs: 2_500 });
  const answer = ask(port, 'POST', '/completion', { n_predict: 1_000_000 }).catch(() => null);
  const unhealthy = told(runtime, 'replica.unhealthy');
  await order('hang-health');
  await unhealthy;
  // Longer than restart_after: a miss needs 400 ms.
  await nthMiss(runtime, 9);
  expect(runtime.state().pools.get('chat')?.replicas[0]?.life).toMatchObject({ state: 'unhealthy', dead: false });
  const crashed = told(runtime, 'replica.crashed');
  await order('refuse');
  expect(await crashed).toMatchObject({ crash_class: 'hang' });
  await answer;
});

it('an exit has the class that log and kernel give it', async () => {
  const { runtime, pid, order } = await ready();
  const crashed = told(runtime, 'replica.crashed');
  const again = told(runtime, 'replica.ready');
  await order(
    `print?text=${encodeURIComponent('ggml_backend_cuda_buffer_type_alloc_buffer: allocating 900.00 MiB on device 0: cudaMalloc failed: out of memory')}`,
  );
  await order('crash');
  expect(await crashed).toMatchObject({ crash_class: 'vram_oom', exit_code: 1 });
  const { pid: next = 0 } = await again;
  expect(next).not.toBe(pid);
  const killed = told(runtime, 'replica.crashed');
  process.kill(next, 'SIGKILL');
  expect(await killed).toMatchObject({ crash_class: 'unknown', signal: 'SIGKILL' });
});

it('a SIGKILL by the kernel for want of memory is told as that', async () => {
  const text = 'oom_kill of its control group rose from 0 to 1';
  const { runtime, pid } = await ready({}, [{ kind: 'oom', source: 'cgroup', text }]);
  const killed = told(runtime, 'replica.crashed');
  process.kill(pid, 'SIGKILL');
  expect(await killed).toMatchObject({ crash_class: 'host_oom' });
});

/** Resolves when so many probes have failed in a row. */
function nthMiss(runtime: Awaited<ReturnType<typeof ready>>['runtime'], count: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = runtime.onEvent(({ event, failure_count = 0 }) => {
      if (event !== 'probe.failed' || failure_count < count) return;
      stop();
      resolve();
    });
  });
}
