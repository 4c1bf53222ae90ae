/** Drains of a real llama-server, which ends nobody's request in peace by itself, and may take 30 s to end at all. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyModel } from '../rig/gguf.js';
import { isAlive, openStream } from './engine.js';
import { Supervisor } from './supervisor.js';

const llamaServer = process.env.LLAMA_SERVER ?? '';
/** Some seconds of work. */
const tokens = 2_500;
/** A grace of 1 s, and room for a busy machine; llama-server alone would take 30 s, or as long as its client waits. */
const soonMs = 8_000;

describe.skipIf(llamaServer === '')('a drain', () => {
  let supervisor: Supervisor;

  beforeAll(async () => {
    supervisor = await Supervisor.begin((directory) => ({
      version: 1,
      supervisor: { ports: '28400-28499', engine_poll: null },
      pools: {
        chat: {
          binary: llamaServer,
          model: writeTinyModel(join(directory, 'chat.gguf'), { layers: 2 }),
          // So that it logs each question for its running requests, too.
          args: ['-t', '1', '-c', '32768', '--parallel', '1', '--log-verbosity', '5'],
          device_masks: ['cpu'],
          health: { startup_interval: '50ms', interval: '1s' },
          stop: { grace: '1s' },
        },
      },
    }));
  });
  afterAll(() => supervisor.dispose());
  beforeEach(async () => {
    expect((await supervisor.poolctl('start', 'chat')).code).toBe(0);
  });

  const ask = (url: string, stream: boolean, max_tokens: number) =>
    fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'the', max_tokens, ignore_eos: true, stream }),
    });
  const view = () => supervisor.replica('chat/r0');
  const log = () => readFileSync(join(supervisor.directory, 'state/logs/chat/r0.log'), 'utf8');
  /** Its log tells of the work that it takes up. */
  const begins = async (work: () => unknown): Promise<void> => {
    const before = log().length;
    work();
    await expect.poll(() => log().slice(before), { timeout: 10_000 }).toMatch(/launch_slot_: .* processing task/);
  };
  /** When it was asked for its running requests, in milliseconds since its start. */
  const questions = (said: string): readonly number[] =>
    [...said.matchAll(/^(\d+)\.(\d\d)\.(\d{3})\.(\d{3}) D srv +process_sing\w*: n_idle_slots/gm)].map(
      ([, minutes, seconds, ms]) => Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(ms),
    );

  it('with nothing in flight is over at once, in peace', async () => {
    const { pid } = await view();
    const since = supervisor.mark;
    expect(await (await supervisor.drain('chat', 60_000)).ended).toMatchObject({ outcome: 'drained', cut: 0, active_leases: 0 });
    expect(isAlive(pid)).toBe(false);
    expect(await view()).toMatchObject({ state: 'stopped', goal: 'down', draining: false, last_exit: { code: 0, signal: null } });
    const { duration_ms } = await supervisor.event('drain.finished', { since });
    expect(duration_ms).toBeLessThan(1_000);
  });

  it('waits for an open stream, which ends whole, and asks for it once a second at most', async () => {
    const { url } = await view();
    const before = log().length;
    const answer = await ask(String(url), true, tokens);
    const since = supervisor.mark;
    const { ended } = await supervisor.drain('chat', 60_000);
    expect(await view()).toMatchObject({ state: 'draining', ready: false, url: null });
    const said = await answer.text();
    expect(said.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(said.match(/^data: \{/gm)?.length).toBeGreaterThanOrEqual(tokens);
    expect(await ended).toMatchObject({ outcome: 'drained', cut: 0 });
    expect(await view()).toMatchObject({ state: 'stopped', last_exit: { code: 0, signal: null } });
    expect(await supervisor.event('drain.finished', { since })).toMatchObject({ result: 'drained' });
    const asked = questions(log().slice(before));
    expect(asked.length).toBeGreaterThanOrEqual(2);
    // The engine's own turns lie between a question and its line.
    for (const [index, at] of asked.slice(1).entries()) expect(at - (asked[index] ?? 0)).toBeGreaterThan(950);
  });

  it('waits for a request whose answer comes in one piece', async () => {
    const { url } = await view();
    let answer: Promise<Response> | null = null;
    await begins(() => {
      answer = ask(String(url), false, tokens);
    });
    const { ended } = await supervisor.drain('chat', 60_000);
    expect((await view()).state).toBe('draining');
    expect(await (await (answer as unknown as Promise<Response>)).json()).toMatchObject({ usage: { completion_tokens: tokens } });
    expect(await ended).toMatchObject({ outcome: 'drained', cut: 0 });
  });

  it('ends an engine with an open stream at its deadline and its grace', async () => {
    const { url, pid } = await view();
    const stream = await openStream(`${url}/completion`);
    const cut = once(stream, 'close');
    const begun = performance.now();
    expect(await (await supervisor.drain('chat', 1_000)).ended).toMatchObject({ outcome: 'forced', cut: 0 });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1_000);
    expect(performance.now() - begun).toBeLessThan(soonMs);
    await cut;
    expect(isAlive(pid)).toBe(false);
    expect(await view()).toMatchObject({ state: 'stopped', crash_count: 0 });
  });

  it('ends an engine at which somebody waits for an answer in one piece', async () => {
    const { url, pid } = await view();
    let cut: Promise<unknown> | null = null;
    await begins(() => {
      cut = expect(ask(String(url), false, 30_000)).rejects.toThrow();
    });
    const begun = performance.now();
    expect(await (await supervisor.drain('chat', 1_000)).ended).toMatchObject({ outcome: 'forced', cut: 0 });
    expect(performance.now() - begun).toBeLessThan(soonMs);
    await cut;
    expect(isAlive(pid)).toBe(false);
    expect(await view()).toMatchObject({ state: 'stopped', last_exit: { signal: 'SIGKILL' }, crash_count: 0 });
  });
});
