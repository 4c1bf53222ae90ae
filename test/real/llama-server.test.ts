import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCorruptModel, writeTinyModel } from '../rig/gguf.js';
import { isAlive, openStream, pidOf } from './engine.js';
import { Supervisor } from './supervisor.js';

const llamaServer = process.env.LLAMA_SERVER ?? '';

const settings = {
  binary: llamaServer,
  args: ['-t', '1', '-c', '32768', '--parallel', '1'],
  health: { startup_interval: '50ms', interval: '1s' },
  stop: { grace: '1s' },
  restart: { backoff: { initial: '700ms', min: '700ms' } },
};

describe.skipIf(llamaServer === '')('the main job: two pools, three replicas', () => {
  let supervisor: Supervisor;
  const replicas = ['chat/r0', 'chat/r1', 'embed/r0'] as const;

  beforeAll(async () => {
    supervisor = await Supervisor.begin((directory) => ({
      version: 1,
      supervisor: { ports: '28100-28199', engine_poll: '1s' },
      defaults: settings,
      pools: {
        chat: {
          model: writeTinyModel(join(directory, 'chat.gguf'), { name: 'Tiny Chat', layers: 2 }),
          device_masks: ['cpu', 'cpu'],
        },
        embed: { model: writeTinyModel(join(directory, 'embed.gguf')), device_masks: ['cpu'] },
      },
    }));
  });
  afterAll(() => supervisor.dispose());

  it('all three become ready, each a process of its own on a port of its own', async () => {
    expect((await supervisor.poolctl('wait', 'all', '--for', 'ready', '--timeout', '30s')).code).toBe(0);
    const views = await Promise.all(replicas.map((key) => supervisor.replica(key)));
    for (const [index, view] of views.entries()) {
      expect(view).toMatchObject({
        state: 'ready',
        goal: 'up',
        incarnation: 1,
        restart_count: 0,
        slots_total: 1,
        device_mask: 'cpu',
        devices: [],
      });
      expect(view.engine_version).toMatch(/\d/);
      expect(supervisor.hasHandoff(replicas[index] ?? '')).toBe(true);
      expect(
        readFileSync(join(supervisor.directory, 'state/run', `${(replicas[index] ?? '').replace('/', '.')}.pid`), 'utf8'),
      ).toBe(`${view.pid}\n`);
    }
    expect(new Set(views.map(({ pid }) => pid)).size).toBe(3);
    expect(new Set(views.map(({ port }) => port)).size).toBe(3);
    expect((await supervisor.poolctl('status')).code).toBe(0);
  });

  it('each has the mask of no device, and llama-server is told so', async () => {
    const { pid } = await supervisor.replica('chat/r0');
    const strings = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
    expect(strings('environ')).toEqual(
      expect.arrayContaining(['CUDA_VISIBLE_DEVICES=', 'ROCR_VISIBLE_DEVICES=', 'POOLCTL_POOL_ID=chat', 'POOLCTL_REPLICA_ID=r0']),
    );
    expect(strings('cmdline').join(' ')).toMatch(/--device none/);
  });

  it('they answer', async () => {
    const { url } = await supervisor.replica('embed/r0');
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], max_tokens: 8 }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 8 } });
  });

  it('they go by the names that their files give, also at their own API, and are as fast as they say', async () => {
    const { url, model_id } = await supervisor.replica('chat/r0');
    expect(model_id).toBe('Tiny Chat');
    const models = await fetch(`${url}/v1/models`);
    expect(await models.json()).toMatchObject({ data: [{ id: 'Tiny Chat', meta: { n_params: 130_112, size: 260_864 } }] });
    await expect.poll(async () => (await supervisor.replica('chat/r0')).inflight, { timeout: 20_000 }).toBe(0);
    const body = JSON.stringify({ prompt: 'the', n_predict: 2000, ignore_eos: true });
    const answer = await fetch(`${url}/completion`, { method: 'POST', body });
    const { timings } = (await answer.json()) as { timings: { predicted_per_second: number } };
    await expect.poll(async () => (await supervisor.replica('chat/r0')).perf, { timeout: 20_000 }).not.toBeNull();
    const { perf } = await supervisor.replica('chat/r0');
    expect(perf?.first_token_ms).toBeNull();
    const ratio = (perf?.tokens_per_s ?? 0) / timings.predicted_per_second;
    expect(ratio).toBeGreaterThan(0.98);
    expect(ratio).toBeLessThan(1.02);
  }, 60_000);

  it('one that is killed comes back as another process, the others are not touched', async () => {
    const before = await Promise.all(replicas.map((key) => supervisor.replica(key)));
    const since = supervisor.mark;
    process.kill(pidOf(before[0]), 'SIGKILL');

    const backoff = await supervisor.event('replica.backoff', { replica: 'chat/r0', since });
    expect(backoff).toMatchObject({ crash_count: 1 });
    expect(await supervisor.event('replica.crashed', { replica: 'chat/r0', since })).toMatchObject({ signal: 'SIGKILL' });
    expect(supervisor.hasHandoff('chat/r0')).toBe(false);
    expect(await supervisor.replica('chat/r0')).toMatchObject({
      state: 'backoff',
      live: false,
      ready: false,
      pid: null,
      last_exit: { code: null, signal: 'SIGKILL' },
    });
    expect((await supervisor.poolctl('status')).code).toBe(3);

    await supervisor.event('replica.ready', { replica: 'chat/r0', since });
    const after = await Promise.all(replicas.map((key) => supervisor.replica(key)));
    expect(after[0]).toMatchObject({ state: 'ready', incarnation: 2, restart_count: 1, crash_count: 1, port: before[0]?.port });
    expect(after[0]?.pid).not.toBe(before[0]?.pid);
    expect(after.slice(1).map(({ pid }) => pid)).toEqual(before.slice(1).map(({ pid }) => pid));
    expect(supervisor.hasHandoff('chat/r0')).toBe(true);
  });

  it('a stop with a stream open ends it within the grace and a kill', async () => {
    const { url, pid } = await supervisor.replica('chat/r1');
    const stream = await openStream(`${url}/completion`);
    const cut = once(stream, 'close');
    const begun = performance.now();
    const { code } = await supervisor.poolctl('stop', 'chat/r1');
    const took = performance.now() - begun;
    await cut;
    expect(code).toBe(0);
    // A grace of 1 s, and room for two program starts on a busy machine; llama-server alone would take 30 s.
    expect(took).toBeLessThan(8_000);
    expect(isAlive(pid)).toBe(false);
    expect(await supervisor.replica('chat/r1')).toMatchObject({
      state: 'stopped',
      goal: 'down',
      live: false,
      draining: false,
      crash_count: 0,
    });
  });

  it('and starts again', async () => {
    expect((await supervisor.poolctl('start', 'chat/r1')).code).toBe(0);
    expect(await supervisor.replica('chat/r1')).toMatchObject({ state: 'ready', restart_count: 0 });
  });

  it('down leaves no process and no file', async () => {
    const pids = await Promise.all(replicas.map(async (key) => (await supervisor.replica(key)).pid));
    expect((await supervisor.poolctl('down')).code).toBe(0);
    expect(await supervisor.ended).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(supervisor.leftFiles()).toEqual([]);
  });
});

describe.skipIf(llamaServer === '')('what stands in the way', () => {
  let supervisor: Supervisor;
  const holder = createServer();
  let port: number;

  beforeAll(async () => {
    await once(holder.listen(0, '127.0.0.1'), 'listening');
    ({ port } = holder.address() as AddressInfo);
    supervisor = await Supervisor.begin((directory) => ({
      version: 1,
      supervisor: { ports: '28200-28299' },
      defaults: settings,
      pools: {
        corrupt: { model: writeCorruptModel(join(directory, 'corrupt.gguf')), device_masks: ['cpu'] },
        flag: {
          model: writeTinyModel(join(directory, 'flag.gguf')),
          device_masks: ['cpu'],
          args: [...settings.args, '--no-such-flag'],
        },
        missing: { model: join(directory, 'missing.gguf'), device_masks: ['cpu'] },
        taken: { model: writeTinyModel(join(directory, 'tiny.gguf')), device_masks: ['cpu'], port },
      },
    }));
  });
  afterAll(async () => {
    holder.close();
    await supervisor.dispose();
  });

  it("a corrupt model: failed after one launch, with the engine's own line as evidence and a hint", async () => {
    await supervisor.event('replica.failed', { replica: 'corrupt/r0' });
    const view = await supervisor.replica('corrupt/r0');
    expect(view).toMatchObject({
      state: 'failed',
      ready_at: null,
      incarnation: 1,
      crashes_total: 1,
      restarts_total: 0,
      last_exit: { code: 1, signal: null, class: 'config', restartable: false },
    });
    expect(view.last_exit?.evidence?.text).toMatch(/not within the file bounds/);
    expect(view.last_exit?.hint).toBeTruthy();
    expect(supervisor.hasHandoff('corrupt/r0')).toBe(false);
    expect((await supervisor.poolctl('logs', 'corrupt/r0')).stdout).toMatch(/not within the file bounds/);
  });

  it('a flag that it does not know: failed after one launch, and the flag is named', async () => {
    await supervisor.event('replica.failed', { replica: 'flag/r0' });
    const view = await supervisor.replica('flag/r0');
    expect(view).toMatchObject({ state: 'failed', incarnation: 1, last_exit: { class: 'config', subclass: 'bad_flag' } });
    expect(view.why).toContain('--no-such-flag');
  });

  it('a missing model: failed at once, named, and not tried again', async () => {
    await supervisor.event('replica.failed', { replica: 'missing/r0' });
    const view = await supervisor.replica('missing/r0');
    expect(view).toMatchObject({ state: 'failed', live: false, crash_count: 0, pid: null });
    expect(view.why).toContain('missing.gguf');
    expect((await supervisor.poolctl('wait', 'missing', '--for', 'ready', '--timeout', '20s')).code).toBe(3);
  });

  it('a taken port: its holder is named, nothing crashes, and it starts once the port is free', async () => {
    await supervisor.event('replica.backoff', { replica: 'taken/r0' });
    expect((await supervisor.replica('taken/r0')).why).toContain(`pid ${process.pid}`);
    expect(await supervisor.replica('taken/r0')).toMatchObject({ crash_count: 0, restart_count: 0 });
    holder.close();
    await supervisor.event('replica.ready', { replica: 'taken/r0' });
    expect(await supervisor.replica('taken/r0')).toMatchObject({ state: 'ready', port });
  });
});
