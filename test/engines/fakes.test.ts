/** The adapters of engines that no test machine has, against servers that behave like them. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Description } from '../../src/core/facts.js';
import { noPerf, perfAfter, viewPerf } from '../../src/core/perf.js';
import { engineEnvironment } from '../../src/engines/environment.js';
import { adapters } from '../../src/engines/index.js';
import { isLiving, sweepProcesses } from '../../src/host/proc.js';
import { ask, checkHealth } from '../../src/shell/probes.js';
import { askForToken } from '../../src/shell/token.js';
import { freePort, ask as request } from '../rig/demo-engine.js';
import { deviceOf, launchOf, resolvedAs } from '../rig/launch.js';

const clock = { now: () => performance.now(), wallMs: () => Date.now() };

/** As poolctl would start it: the adapter's argv in the adapter's environment. */
async function start(engine: 'vllm' | 'sglang', steering: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const env = Object.fromEntries(Object.entries(steering).map(([name, value]) => [name, { value }]));
  const program = fileURLToPath(new URL(`../rig/fake-${engine}.mjs`, import.meta.url));
  const launch = launchOf({ engine, modelId: 'qwen', env }, [deviceOf('0')], { port });
  const resolved = resolvedAs({ program, model: 'org/repo' });
  const [file = '', ...args] = adapters[engine].argv(launch, resolved);
  const child = spawn(file, args, { detached: true, stdio: 'ignore', env: engineEnvironment(launch, process.env, resolved) });
  const { pid = 0 } = child;
  onTestFinished(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody of it is left.
    }
  });
  const exited = new Promise<unknown>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const door = { host: '127.0.0.1', port, timeoutMs: 2000 };
  const health = () => checkHealth(door, adapters[engine].healthPath, clock);
  /** Every verdict that is seen until it is `wanted`. */
  const seenUntil = async (wanted: string): Promise<readonly string[]> => {
    const seen = new Set<string>();
    while (!seen.has(wanted)) {
      const { verdict, detail } = await health();
      seen.add(verdict === 'failed' ? detail : verdict);
      await pause(5);
    }
    return [...seen];
  };
  const inflight = async () => {
    const question = adapters[engine].inflight;
    return question === null ? null : ask(door, question);
  };
  const decoded = async () => {
    const question = adapters[engine].decoded;
    return question === null ? null : ask(door, question);
  };
  const counters = async () => {
    const question = adapters[engine].perf;
    return question === null ? null : ask(door, question);
  };
  const token = async (asked = launch) => {
    const question = adapters[engine].oneToken?.(asked);
    return question === undefined ? null : askForToken(door, question, clock);
  };
  const describeIt = async (): Promise<Partial<Description>> => {
    const answers = [];
    for (const question of adapters[engine].describe) answers.push(await ask(door, question));
    return Object.assign({}, ...answers.filter((answer) => answer !== null).reverse());
  };
  return {
    pid,
    exited,
    health,
    launch,
    seenUntil,
    inflight,
    decoded,
    counters,
    token,
    describeIt,
    order: (path: string) => request(port, 'POST', path),
  };
}

describe.each([
  { engine: 'vllm', ctxMax: 8192, loading: ['connection refused', 'ok'] },
  { engine: 'sglang', ctxMax: 4096, loading: ['connection refused', 'loading', 'ok'] },
] as const)('$engine', ({ engine, ctxMax, loading }) => {
  it('is healthy when it has loaded, and not before', async () => {
    const fake = await start(engine, { FAKE_LOAD_MS: '600' });
    expect(await fake.seenUntil('ok')).toEqual(loading);
  });

  it('tells its version, its context and its running requests', async () => {
    const fake = await start(engine, { FAKE_VERSION: '0.17.1' });
    await fake.seenUntil('ok');
    expect(await fake.describeIt()).toEqual({ engineVersion: '0.17.1', ctxMax });
    expect(await fake.inflight()).toBe(0);
    await fake.order('/fake/run?n=3');
    expect(await fake.inflight()).toBe(3);
  });

  it('makes one token on request, which counts, and none once it is dead', async () => {
    const fake = await start(engine);
    await fake.seenUntil('ok');
    expect(await fake.decoded()).toBe(0);
    expect(await fake.token()).toMatchObject({ verdict: 'ok' });
    expect(await fake.decoded()).toBe(1);
    const misnamed = { ...fake.launch, spec: { ...fake.launch.spec, modelId: 'another' } };
    expect(await fake.token(misnamed)).toMatchObject({ verdict: 'unknown', detail: 'HTTP 404' });
    await fake.order('/fake/die');
    expect(await fake.token()).toMatchObject({ verdict: 'failed', detail: 'HTTP 500' });
  });

  it('tells how fast it answers, by what it has counted', async () => {
    const fake = await start(engine);
    await fake.seenUntil('ok');
    const before = await fake.counters();
    expect(before).toEqual({ tokens: 0, tokenSeconds: 0, firstTokens: 0, firstTokenSeconds: 0 });
    const asked = { model: 'qwen', prompt: 'a', max_tokens: 51 };
    expect(await request(fake.launch.port, 'POST', '/v1/completions', asked)).toMatchObject({ status: 200 });
    const perf = perfAfter(perfAfter(noPerf, before, 0), await fake.counters(), 10_000);
    expect(viewPerf(perf)).toEqual({ tokens_per_s: 50, first_token_ms: 100 });
  });

  it('lives on with 503 when one of its workers has died', async () => {
    const fake = await start(engine);
    await fake.seenUntil('ok');
    await fake.order('/fake/die');
    expect(await fake.health()).toEqual({ verdict: 'loading', detail: 'HTTP 503', said: 503 });
    process.kill(fake.pid, 0);
  });

  it('takes its workers along at SIGTERM', async () => {
    const fake = await start(engine);
    await fake.seenUntil('ok');
    process.kill(fake.pid, 'SIGTERM');
    expect(await fake.exited).toEqual({ code: 0, signal: null });
    await expect.poll(() => groupLives(fake.pid)).toBe(false);
  });

  it('leaves stubborn workers behind when it is killed', async () => {
    const fake = await start(engine, { FAKE_STUBBORN_WORKERS: '1' });
    await fake.seenUntil('ok');
    process.kill(fake.pid, 'SIGTERM');
    await fake.exited;
    expect(existsSync(`/proc/${fake.pid}`)).toBe(false);
    expect(await groupLives(fake.pid)).toBe(true);
  });
});

it('sglang ends only when the last request has', async () => {
  const fake = await start('sglang');
  await fake.seenUntil('ok');
  await fake.order('/fake/run?n=1');
  process.kill(fake.pid, 'SIGTERM');
  await fake.seenUntil('loading');
  await fake.order('/fake/run?n=0');
  expect(await fake.exited).toEqual({ code: 0, signal: null });
});

/** By what the kernel says of each process: a dead one that nobody has reaped still answers to signals. */
async function groupLives(pgid: number): Promise<boolean> {
  return [...(await sweepProcesses()).values()].some((stat) => stat.pgrp === pgid && isLiving(stat));
}
