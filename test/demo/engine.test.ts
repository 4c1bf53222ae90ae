import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseStat } from '../../src/host/proc.js';
import { ask, buildDemoEngine, type DemoEngine, freePort, startDemoEngine } from '../rig/demo-engine.js';

let directory: string;
let script: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'demo-'));
  script = await buildDemoEngine(join(directory, 'engine.mjs'));
});
afterAll(() => rm(directory, { recursive: true }));

const start = (...flags: readonly string[]): Promise<DemoEngine> => startDemoEngine(script, ...flags);

async function ready(...flags: readonly string[]): Promise<DemoEngine> {
  const engine = await start('--load-time', '0', '--token-time', '1ms', ...flags);
  await engine.logged('listening on');
  return engine;
}

it('serves on where its log finds no room', async () => {
  const port = await freePort();
  const full = openSync('/dev/full', 'w');
  const engine = spawn(process.execPath, [script, '--port', String(port), '--load-time', '0'], { stdio: ['ignore', full, full] });
  onTestFinished(() => void engine.kill('SIGKILL'));
  closeSync(full);
  await expect.poll(() => ask(port, 'GET', '/health').catch(() => null)).toMatchObject({ status: 200 });
  await ask(port, 'POST', '/demo/print?text=lost&times=1000');
  expect(await ask(port, 'GET', '/health')).toMatchObject({ status: 200 });
  expect(engine.exitCode).toBeNull();
});

describe('loading', () => {
  it('is told by 503 on every path, and its end by the log and 200', async () => {
    const engine = await start('--load-time', '1h', '--model', '/m/x.gguf');
    await engine.logged("loading model '/m/x.gguf'");
    for (const path of ['/health', '/props', '/v1/models', '/no/such']) {
      const { status, json } = await engine.get(path);
      expect([path, status, json()]).toEqual([
        path,
        503,
        { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } },
      ]);
    }
    await engine.post('/demo/load?time=100ms');
    await engine.logged('listening on');
    expect(await engine.get('/health')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    expect(engine.log()).toMatch(
      /50 % of the tensors[\s\S]*100 % of the tensors[\s\S]*model loaded[\s\S]*listening on http:\/\/127\.0\.0\.1:\d+\n/,
    );
    for (const line of engine.log().trimEnd().split('\n')) expect(line).toMatch(/^\d+\.\d\d\.\d{3}\.\d{3} [IWE] srv +\S+: /);
    expect(engine.stdout()).toBe('');
  });

  it('of one model is ordered what that of another is not', async () => {
    const engine = await start('--model', '/m/new.gguf', '--order', 'crash?model=old', '--order', 'crash?code=7&model=new');
    expect(await engine.exited).toEqual({ code: 7, signal: null });
  });

  it('can be ordered once more', async () => {
    const engine = await ready();
    await engine.post('/demo/load?time=1h');
    expect((await engine.get('/health')).status).toBe(503);
  });

  it('ends by the signal when SIGTERM comes in the middle', async () => {
    const engine = await start('--load-time', '1h');
    await engine.logged('loading model');
    process.kill(engine.pid, 'SIGTERM');
    expect(await engine.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('fails when the port is held, in the words of llama-server', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void holder.close());
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const engine = await start('--port', String(port));
    expect(await engine.exited).toEqual({ code: 1, signal: null });
    expect(engine.log()).toContain(`couldn't bind HTTP server socket, hostname: 127.0.0.1, port: ${port}`);
  });

  it.each([
    [['--no-such-flag'], /^error: invalid argument: .*--no-such-flag/],
    [['--slots', 'many'], /^error: invalid argument: --slots takes a whole number up to 1024, not "many"/],
    [['--port', '65536'], /--port takes a whole number up to 65535, not "65536"/],
    [['--load-time', 'soon'], /--load-time takes a duration such as 500ms or 2s, not "soon"/],
    [['--order', 'dance'], /there is no order "dance", only crash, exit,/],
    [['--order', 'crash?cod=3'], /the order "crash" takes code, signal, after, model, not "cod"/],
    [['--order', 'crash?code=x'], /code takes a whole number, not "x"/],
    [['--order', 'crash?signal=SIGWHAT'], /there is no signal "SIGWHAT"/],
  ])('refuses %j with status 1', async (flags, text) => {
    const engine = await start(...flags);
    expect(await engine.exited).toEqual({ code: 1, signal: null });
    await expect.poll(engine.log).toMatch(text);
  });

  it('documents every flag and order', async () => {
    const engine = await start('--help');
    expect(await engine.exited).toEqual({ code: 0, signal: null });
    await expect.poll(engine.stdout).toContain('status 1.');
    for (const word of [
      '--load-time',
      '--slots',
      'crash',
      'hang',
      'unhealthy',
      'hang-health',
      'mute',
      'dead',
      'healthy',
      'refuse',
      'gpu-error',
      'print',
      'ignore-term',
      'leak',
      'setsid',
      'exit',
      'load',
    ]) {
      expect(engine.stdout()).toContain(word);
    }
  });
});

describe('answers', () => {
  it('describes itself as llama-server does', async () => {
    const engine = await ready('--alias', 'tiny', '--slots', '2', '--ctx-size', '512');
    expect((await engine.get('/v1/models')).json()).toMatchObject({ object: 'list', data: [{ id: 'tiny', object: 'model' }] });
    expect((await engine.get('/props')).json()).toMatchObject({
      build_info: 'demo-1',
      total_slots: 2,
      model_alias: 'tiny',
      default_generation_settings: { n_ctx: 512 },
    });
    expect((await engine.get('/slots')).json()).toMatchObject([
      { id: 0, is_processing: false },
      { id: 1, is_processing: false },
    ]);
    expect(await engine.get('/no/such')).toMatchObject({ status: 404 });
    expect(await engine.post('/no/such', {})).toMatchObject({ status: 404 });
  });

  it('completes a chat at once', async () => {
    const engine = await ready('--alias', 'tiny', '--tokens', '2');
    const messages = [{ role: 'user', content: 'say two words' }];
    expect((await engine.post('/v1/chat/completions', { messages })).json()).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      choices: [{ index: 0, message: { role: 'assistant', content: 'word1 word2 ' }, finish_reason: 'length' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
    expect((await engine.post('/v1/completions', { prompt: 'x', max_tokens: 1 })).json()).toMatchObject({
      choices: [{ text: 'word1 ', finish_reason: 'length' }],
    });
    expect((await engine.post('/completion', { prompt: 'x', n_predict: 1 })).json()).toMatchObject({
      content: 'word1 ',
      stop: true,
    });
  });

  it('streams a chat word for word', async () => {
    const engine = await ready();
    const question = { stream: true, max_tokens: 3, stream_options: { include_usage: true } };
    const { status, body } = await engine.post('/v1/chat/completions', question);
    const events = body.split('\n\n').map((event) => event.replace(/^data: /, ''));
    expect(status).toBe(200);
    expect(events.slice(-2)).toEqual(['[DONE]', '']);
    const chunks = events
      .slice(0, -2)
      .map((event) => JSON.parse(event) as { choices: { delta: { content?: string } }[]; usage?: object });
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('word1 word2 word3 ');
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 3 } });
  });

  it('counts what runs and what waits, and moves its token counters when a request ends', async () => {
    const engine = await ready('--slots', '1', '--token-time', '10ms');
    const first = engine.post('/v1/chat/completions', { max_tokens: 40 });
    const second = engine.post('/v1/chat/completions', { max_tokens: 1 });
    const metric = async (name: string) =>
      Number(new RegExp(`^llamacpp:${name} (\\S+)$`, 'm').exec((await engine.get('/metrics')).body)?.[1]);
    await expect.poll(() => metric('requests_deferred'), { interval: 5 }).toBe(1);
    expect(await metric('requests_processing')).toBe(1);
    expect(await metric('tokens_predicted_total')).toBe(0);
    expect((await engine.get('/slots')).json()).toMatchObject([{ is_processing: true, next_token: [{ has_next_token: true }] }]);
    expect((await engine.get('/health')).status).toBe(200);
    await Promise.all([first, second]);
    expect(await metric('tokens_predicted_total')).toBe(41);
    expect(await metric('requests_processing')).toBe(0);
  });

  it('gives the slot of a client that has gone to the next', async () => {
    const engine = await ready('--slots', '1', '--token-time', '5ms');
    const client = request({ host: '127.0.0.1', port: engine.port, path: '/v1/chat/completions', method: 'POST', agent: false });
    client.on('error', () => {});
    client.end(JSON.stringify({ stream: true, max_tokens: 1_000_000 }));
    await once(client, 'response');
    const next = engine.post('/v1/chat/completions', { max_tokens: 1 });
    client.destroy();
    expect((await next).status).toBe(200);
    // Its log comes to us by another pipe than its answers.
    await expect.poll(() => engine.log()).toContain('cancel task, id_task = 0');
  });

  it('survives what is no request', async () => {
    const engine = await ready();
    expect((await engine.post('/v1/chat/completions', '')).status).toBe(500);
    expect((await engine.post('/v1/chat/completions', '{"max_tokens":"many","stream":1,"messages":7}')).status).toBe(200);
    expect((await engine.post('/v1/chat/completions', 'x'.repeat(5 * 1024 * 1024))).status).toBe(413);
    expect((await engine.get('/health')).status).toBe(200);
  });
});

describe('SIGTERM', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it at once with status 0, a stream or not', async (signal) => {
    const engine = await ready();
    const stream = engine.post('/v1/chat/completions', { stream: true, max_tokens: 1_000_000 }).catch((error: Error) => error);
    await expect.poll(async () => (await engine.get('/metrics')).body, { interval: 5 }).toContain('requests_processing 1');
    process.kill(engine.pid, signal);
    expect(await engine.exited).toEqual({ code: 0, signal: null });
    expect(await stream).toBeInstanceOf(Error);
    expect(engine.log()).toContain('cleaning up before exit');
  });

  it('is heard and not obeyed when told so, at the start or later, and again when told that', async () => {
    const engine = await start('--load-time', '1h', '--order', 'ignore-term');
    await engine.logged('carried out the order ignore-term');
    process.kill(engine.pid, 'SIGTERM');
    await engine.logged('ignoring SIGTERM');
    await engine.post('/demo/obey-term?code=7');
    process.kill(engine.pid, 'SIGTERM');
    expect(await engine.exited).toEqual({ code: 7, signal: null });
  });

  it('a second one ends a slow end with status 1', async () => {
    const engine = await ready();
    await engine.post('/demo/obey-term?delay=1h');
    process.kill(engine.pid, 'SIGTERM');
    await engine.logged('cleaning up');
    expect((await engine.get('/health')).status).toBe(200);
    process.kill(engine.pid, 'SIGTERM');
    expect(await engine.exited).toEqual({ code: 1, signal: null });
    expect(engine.log()).toContain('Received second interrupt, terminating immediately.');
  });
});

describe('orders', () => {
  it.each([
    ['crash', { code: 1, signal: null }],
    ['crash?code=3', { code: 3, signal: null }],
    ['crash?signal=SIGKILL', { code: null, signal: 'SIGKILL' }],
    ['crash?signal=SIGSEGV', { code: null, signal: 'SIGSEGV' }],
    ['crash?signal=SIGTERM', { code: null, signal: 'SIGTERM' }],
    ['exit', { code: 0, signal: null }],
    ['exit?after=20ms', { code: 0, signal: null }],
  ])('%s is answered, and then carried out', async (order, exit) => {
    const engine = await ready();
    expect(await engine.post(`/demo/${order}`)).toMatchObject({ status: 200 });
    expect(await engine.exited).toEqual(exit);
  });

  it('can be given at the start, for a time after it', async () => {
    const engine = await start('--load-time', '0', '--order', 'print?text=CUDA%20error', '--order', 'crash?code=9&after=10ms');
    expect(await engine.exited).toEqual({ code: 9, signal: null });
    expect(engine.log()).toMatch(/^CUDA error$/m);
  });

  it('hang: connects and never answers, until healthy', async () => {
    const engine = await ready('--order', 'hang');
    const asked = engine.get('/health');
    const answered = await Promise.race([asked, engine.post('/demo/print?text=overtaken')]);
    expect(answered.body).toContain('overtaken');
    expect((await engine.post('/demo/healthy')).status).toBe(200);
    expect((await engine.get('/health')).status).toBe(200);
    asked.catch(() => {});
  });

  it('unhealthy: 503 on /health alone, until healthy, or for a time', async () => {
    const engine = await ready();
    await engine.post('/demo/unhealthy');
    expect((await engine.get('/health')).status).toBe(503);
    expect((await engine.get('/props')).status).toBe(200);
    await engine.post('/demo/healthy');
    expect((await engine.get('/health')).status).toBe(200);
    await engine.post('/demo/unhealthy?for=50ms');
    await expect.poll(async () => (await engine.get('/health')).status, { interval: 5 }).toBe(200);
  });

  it('hang-health: no answer on /health, while requests are served and counted', async () => {
    const engine = await ready('--order', 'hang-health');
    const asked = engine.get('/health');
    const answered = await Promise.race([asked, engine.post('/v1/completions', { max_tokens: 3 })]);
    expect(answered.json()).toMatchObject({ choices: [{ text: 'word1 word2 word3 ' }] });
    expect((await engine.get('/metrics')).body).toMatch(/^llamacpp:n_decode_total 3$/m);
    asked.catch(() => {});
  });

  it('mute: healthy, and no token comes, until healthy', async () => {
    const engine = await ready('--order', 'mute');
    const asked = engine.post('/completion', { n_predict: 1 });
    await expect.poll(async () => (await engine.get('/metrics')).body, { interval: 5 }).toContain('requests_processing 1');
    expect((await engine.get('/health')).status).toBe(200);
    expect((await engine.get('/metrics')).body).toMatch(/^llamacpp:n_decode_total 0$/m);
    await engine.post('/demo/healthy');
    expect((await asked).json()).toMatchObject({ content: 'word1 ' });
  });

  it('dead: 500 on /health alone', async () => {
    const engine = await ready('--order', 'dead');
    expect((await engine.get('/health')).status).toBe(500);
    expect((await engine.get('/props')).status).toBe(200);
    await engine.post('/demo/healthy');
    expect((await engine.get('/health')).status).toBe(200);
  });

  it('refuse: nobody can connect for a time, and a request that runs goes on', async () => {
    const engine = await ready('--token-time', '10ms');
    const running = engine.post('/completion', { n_predict: 30 });
    await expect.poll(async () => (await engine.get('/metrics')).body, { interval: 5 }).toContain('requests_processing 1');
    await engine.post('/demo/refuse?for=200ms');
    await expect(engine.get('/health')).rejects.toThrow('ECONNREFUSED');
    expect((await running).status).toBe(200);
    await expect
      .poll(
        () =>
          engine.get('/health').then(
            ({ status }) => status,
            () => 0,
          ),
        { interval: 5 },
      )
      .toBe(200);
  });

  it('gpu-error: an error in the form of its own lines, and it lives on', async () => {
    const engine = await ready();
    await engine.post('/demo/gpu-error');
    await engine.post(`/demo/gpu-error?text=${encodeURIComponent('CUDA error: unknown error')}`);
    const errors = (): readonly string[] =>
      engine
        .log()
        .split('\n')
        .filter((line) => line.includes('CUDA error'))
        .map((line) => line.replace(/^\S+ /, ''));
    // Its log is a pipe here, which may come later than its answer.
    await expect
      .poll(errors, { interval: 5 })
      .toEqual([
        'E srv  update_slots: CUDA error: an illegal memory access was encountered',
        'E srv  update_slots: CUDA error: unknown error',
      ]);
    expect((await engine.get('/health')).status).toBe(200);
  });

  it('print: the text as it stands, as often as it is wanted, where it is wanted', async () => {
    const engine = await ready();
    await engine.post(`/demo/print?text=${encodeURIComponent('first\nsecond')}&times=1000`);
    await engine.post('/demo/print?text=aside&stdout');
    await expect.poll(engine.stdout).toBe('aside\n');
    await expect.poll(() => engine.log().split('first\nsecond\n').length - 1).toBe(1000);
  });

  it.each([
    { order: 'leak', setsid: false, deaf: false },
    { order: 'leak?setsid', setsid: true, deaf: false },
    { order: 'leak?setsid&ignore-term&wipe-env&close-log', setsid: true, deaf: true },
  ])('$order: a child that outlives it', async ({ order, setsid, deaf }) => {
    const engine = await ready();
    const { pid } = (await engine.post(`/demo/${order}`)).json() as { pid: number };
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    // The shell has become `sleep` when what it had to set up is set up.
    await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8'), { interval: 5 }).toBe('sleep\n');
    await engine.post('/demo/exit');
    await engine.exited;
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    expect(stat?.pgrp).toBe(setsid ? pid : engine.pid);
    expect(stat?.state).not.toBe('Z');
    const ignored = BigInt(`0x${/^SigIgn:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`);
    expect((ignored & (1n << 14n)) !== 0n).toBe(deaf);
    expect(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter((entry) => entry !== '').length > 2,
    ).toBe(!deaf);
    expect(readlinkSync(`/proc/${pid}/fd/2`)).toMatch(deaf ? /^\/dev\/null$/ : /^(pipe|socket):/);
  });

  it('are refused when they make no sense, and from a web page', async () => {
    const engine = await ready();
    expect((await engine.post('/demo/dance')).json()).toMatchObject({
      error: { code: 400, message: expect.stringContaining('no order "dance"') },
    });
    expect((await engine.get('/demo/crash')).status).toBe(405);
    expect((await ask(engine.port, 'POST', '/demo/crash', undefined, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await engine.get('/health')).status).toBe(200);
  });
});
