/** A model on its way: what is told of it, how long it is waited for, and what goes on meanwhile. */

import { describe, expect, it, test } from 'vitest';
import { viewOperation } from '../../src/core/operation-view.js';
import type { Staging } from '../../src/core/progress.js';
import { isAwaited, silenceMs, stagingText } from '../../src/core/staging.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';
import { serving } from './leasing.js';

const gib = 2 ** 30;
const coming = (more: Partial<Staging> = {}): Staging => ({
  ...{ file: 'qwen3-8b.gguf', doing: 'fetch', doneBytes: 0, totalBytes: 10 * gib, leftMs: null, note: null, shared: false },
  ...more,
});
const comes = (bench: Bench, more: Partial<Staging> = {}, key: 'chat/r0' | 'chat/r1' = 'chat/r0'): Bench =>
  bench.give({ type: 'staging', key, check: bench.launch(key).check, staging: coming(more) });
const ends = (bench: Bench, more: object = {}): Bench =>
  bench.give({
    ...{ type: 'checked', key: 'chat/r0', check: bench.launch().check, obstacles: [], startupDeadlineMs: 1 },
    ...{ portKnownFree: true, modelBytes: null, listed: true },
    ...more,
  });
const start = (replicas = 1): Bench =>
  new Bench([poolSpec('chat', replicas)], { supervisor: { loads: { perDevice: 1, total: 1 } } });

test.each<[string, Partial<Staging>]>([
  [
    'fetches qwen3-8b.gguf: 54 %, 4.9 of 9.1 GiB, about 40s left',
    { doneBytes: Math.round(4.92 * gib), totalBytes: Math.round(9.1 * gib), leftMs: 40_200 },
  ],
  ['fetches qwen3-8b.gguf: 0 %, 10 MiB of 10.0 GiB', { doneBytes: 10 * 2 ** 20 }],
  ['fetches qwen3-8b.gguf: 2.0 GiB', { doneBytes: 2 * gib, totalBytes: null }],
  [
    'fetches qwen3-8b.gguf: 50 %, 5.0 of 10.0 GiB, the connection was cut; tried again in 2s',
    { doneBytes: 5 * gib, note: 'the connection was cut; tried again in 2s' },
  ],
  [
    'checks the digest of qwen3-8b.gguf: 99 %, 10.0 of 10.0 GiB, about 1s left',
    { doing: 'digest', doneBytes: 9.99 * gib, leftMs: 3 },
  ],
])('reads: %s', (text, more) => {
  expect(stagingText(coming(more))).toBe(text);
});

describe('a check whose model is on its way', () => {
  it('shows how far it is, and tells it at the start, at each tenth, and every ten seconds', () => {
    const bench = comes(start());
    expect(bench.view()).toMatchObject({ state: 'preparing', why: 'fetches qwen3-8b.gguf: 0 %, 0 MiB of 10.0 GiB' });
    expect(bench.heard('model.staging')).toMatchObject([
      { replica_id: 'r0', level: 'info', bytes_done: 0, bytes_total: 10 * gib },
    ]);
    for (let percent = 1; percent <= 20; percent += 1) comes(bench, { doneBytes: Math.ceil((percent * gib) / 10) });
    expect(bench.heard('model.staging')).toHaveLength(3);
    bench.now += 9_999;
    expect(comes(bench, { doneBytes: Math.ceil(2.1 * gib) }).told()).toEqual([]);
    bench.now += 1;
    expect(comes(bench, { doneBytes: Math.ceil(2.2 * gib) }).told()).toEqual(['model.staging']);
    expect(comes(bench, { doneBytes: Math.ceil(2.2 * gib), note: 'the connection was cut' }).events).toMatchObject([
      { level: 'warn' },
    ]);
    expect(comes(bench, { doing: 'digest', doneBytes: 0 }).told()).toEqual(['model.staging']);
  });

  it('is told by one of those who wait for the same', () => {
    const bench = start();
    expect(comes(bench, { shared: true }).told()).toEqual([]);
    expect(bench.view().why).toContain('fetches');
    expect(comes(bench, { shared: false, doneBytes: 1 }).told()).toEqual(['model.staging']);
    expect(comes(start(), { shared: true }).give({ type: 'woke' }).told()).toEqual([]);
  });

  it('is waited for as long as something moves, and no longer', () => {
    const bench = start();
    for (let n = 1; n < 100; n += 1) {
      bench.now += silenceMs - 1;
      comes(bench.give({ type: 'woke' }), { doneBytes: n });
    }
    expect(bench.view().state).toBe('preparing');
    bench.wake();
    expect(bench.view()).toMatchObject({
      state: 'backoff',
      last_error: expect.stringMatching(/^nothing has moved for 1m: fetches qwen3-8b/),
    });
    expect(bench.told()).toEqual(['model.failed', 'replica.backoff']);
    expect(bench.events[1]).toMatchObject({ obstacle: 'download' });
  });

  it('looks at everything anew when the model has come, since the rest is old by then', () => {
    const bench = comes(start());
    const before = bench.launch().check;
    bench.now += 3_600_000;
    ends(comes(bench, { doneBytes: 10 * gib }), { modelNews: { text: 'm.gguf, 10.0 GiB', verified: true } });
    expect(bench.did()).toEqual(['check', 'record']);
    expect(bench.events).toMatchObject([{ event: 'model.staged', result: 'verified', detail: 'm.gguf, 10.0 GiB' }]);
    expect(bench.launch().check).toBe(before + 1);
    expect(bench.spawns).toEqual([]);
    expect(bench.checked().did()).toEqual(['spawn']);
  });

  it('takes no turn to load from others meanwhile', () => {
    const bench = start(2);
    expect(bench.view('chat/r1').why).toContain('waits to load behind chat/r0');
    comes(bench);
    expect(bench.did()).toEqual(['check', 'record']);
    bench.checked('chat/r1').spawned(7, 'chat/r1');
    ends(bench);
    expect(bench.view().why).toContain('waits to load behind chat/r1');
  });

  it('that fails for good, and one that may pass', () => {
    const refused = ends(comes(start()), { obstacles: [{ what: 'model', text: 'no such file', hint: 'correct "model"' }] });
    expect(refused.told()).toEqual(['model.failed', 'replica.failed']);
    const broken = ends(comes(start()), { obstacles: [{ what: 'download', text: 'cut' }] });
    expect(broken.told()).toEqual(['model.failed', 'replica.backoff']);
    expect(broken.view()).toMatchObject({ state: 'backoff', crash_count: 0 });
    // What was never on its way is told once.
    expect(ends(start(), { obstacles: [{ what: 'model', text: 'no such file' }] }).told()).toEqual(['replica.failed']);
  });

  it('is awaited until the replica is stopped, or checked again', () => {
    const bench = comes(start());
    const asker = { key: 'chat/r0', check: bench.launch().check } as const;
    expect(isAwaited(asker, bench.state)).toBe(true);
    expect(isAwaited({ ...asker, check: asker.check + 1 }, bench.state)).toBe(false);
    bench.ask('stop');
    expect(bench.view().state).toBe('stopped');
    expect(isAwaited(asker, bench.state)).toBe(false);
    expect(bench.give({ type: 'staging', ...asker, staging: coming() }).told()).toEqual([]);
  });
});

it('one that was told without staging is only told to be there', () => {
  const bench = ends(start(), { modelNews: { text: 'm.gguf, its digest is not checked', verified: false } });
  expect(bench.events).toMatchObject([{ event: 'model.staged', level: 'info', result: 'unverified', pool_id: 'chat' }]);
  expect(bench.did()).toEqual(['spawn']);
});

describe('a reload', () => {
  const reloading = (): Bench =>
    serving(4, 2, { model: '/a.gguf', modelId: 'a' }, { allowDownloads: true }).give({
      type: 'reload-requested',
      poolId: 'chat',
      chosen: { model: 'hf:org/repo/b.gguf', modelDigest: null, modelId: 'b' },
      drainMs: null,
      correlationId: null,
    });
  const operation = (bench: Bench) => [...bench.state.operations.values()].at(-1);
  const verifying = (bench: Bench, more: Partial<Staging> = {}): Bench =>
    bench.give({
      type: 'verifying',
      poolId: 'chat',
      operationId: operation(bench)?.id ?? '',
      staging: coming({ file: 'b.gguf', ...more }),
    });
  const details = (bench: Bench) => {
    const found = operation(bench);
    return found === undefined ? [] : viewOperation(found, bench.state, String).steps.map(({ state, detail }) => [state, detail]);
  };

  it('shows in its first step how its model comes, and disturbs nobody meanwhile', () => {
    const bench = reloading();
    expect(bench.effects).toMatchObject([{ type: 'verify', allowDownloads: true }]);
    const { operationId } = bench.effects[0] as { readonly operationId: string };
    verifying(bench, { doneBytes: 5 * gib });
    expect(details(bench)).toEqual([
      ['pending', 'fetches b.gguf: 50 %, 5.0 of 10.0 GiB'],
      ['pending', null],
    ]);
    expect(bench.heard('model.staging')).toMatchObject([{ pool_id: 'chat', operation_id: operationId, model_id: 'b' }]);
    expect([bench.view('chat/r0').state, bench.view('chat/r1').state]).toEqual(['ready', 'ready']);
    expect(isAwaited({ operationId }, bench.state)).toBe(true);
    bench.give({
      ...{
        type: 'verified',
        poolId: 'chat',
        operationId,
        obstacles: [],
        name: null,
        about: null,
        modelBytes: null,
        hostTotalBytes: null,
      },
      modelNews: { text: 'b.gguf', verified: false },
    });
    expect(bench.told()).toContain('model.staged');
    expect(details(bench)[0]).toEqual(['running', 'drains']);
    expect(isAwaited({ operationId }, bench.state)).toBe(false);
  });

  it('whose model does not come touches nothing', () => {
    const bench = verifying(reloading());
    const operationId = operation(bench)?.id ?? '';
    const obstacles = [{ what: 'download', text: 'the server answered HTTP 500' }] as const;
    const found = { obstacles, name: null, about: null, modelBytes: null, hostTotalBytes: null };
    bench.give({ type: 'verified', poolId: 'chat', operationId, ...found });
    expect(bench.heard('model.failed')).toMatchObject([{ reason: 'the server answered HTTP 500', operation_id: operationId }]);
    expect(operation(bench)).toMatchObject({ outcome: 'failed', error: { code: 'MODEL_UNAVAILABLE' } });
    expect(bench.view().state).toBe('ready');
  });

  it('that a stop cancels is not awaited any more', () => {
    const bench = verifying(reloading());
    const operationId = operation(bench)?.id ?? '';
    bench.ask('stop');
    expect(isAwaited({ operationId }, bench.state)).toBe(false);
  });

  it('does not wait for the old model of a replica that is fetched yet', () => {
    const bench = new Bench([poolSpec('chat', 1, { model: 'hf:org/repo/a.gguf', modelId: 'a' })]);
    comes(bench);
    const asker = { key: 'chat/r0', check: bench.launch().check } as const;
    bench.give({
      ...{ type: 'reload-requested', poolId: 'chat', drainMs: null, correlationId: null },
      chosen: { model: '/b.gguf', modelDigest: null, modelId: 'b' },
    });
    bench.verified();
    expect(isAwaited(asker, bench.state)).toBe(false);
    expect(bench.launch().spec.model).toBe('/b.gguf');
  });
});
