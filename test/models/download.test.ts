/** Files over a line that is bad: fetched whole or not at all, and never twice what is here already. */

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { authorizationFor, redirected } from '../../src/models/answer.js';
import { type Downloaded, type DownloadWish, download, type Progress } from '../../src/models/download.js';
import { scratchDir } from '../host/scratch.js';
import { FileServer, type Served } from '../rig/file-server.js';

const body = randomBytes(3_000_000);
const mib = 2 ** 20;

type Stage = {
  readonly server: FileServer;
  readonly path: string;
  readonly told: Progress[];
  fetch(url: string, more?: Partial<DownloadWish>): Promise<Downloaded>;
  readonly ranges: () => readonly (string | undefined)[];
};

async function stage(): Promise<Stage> {
  const server = await new FileServer().start();
  onTestFinished(() => server.end());
  const path = join(await scratchDir(), 'm.gguf.part');
  const told: Progress[] = [];
  return {
    server,
    path,
    told,
    async fetch(url, more = {}) {
      const file: FileHandle = await open(path, 'r+').catch(() => open(path, 'w+'));
      const end = await download({
        ...{ url, part: { file, path }, token: undefined, sha256: null, signal: new AbortController().signal },
        tell: (progress) => told.push(progress),
        patience: { waitsMs: [1, 1, 1], silenceMs: 5_000, tellEveryMs: 0 },
        ...more,
      });
      await file.close();
      return end;
    },
    ranges: () => server.asked.map(({ headers }) => headers.range),
  };
}

const whole = { ok: true, bytes: body.length, sha256: null };
const served = (more: Partial<Served> = {}): Served => ({ body, ...more });

it('fetches a file, and tells how far it is', async () => {
  const { server, path, fetch, told } = await stage();
  expect(await fetch(server.serve('/m.gguf', served()))).toEqual(whole);
  expect(body.equals(await readFile(path))).toBe(true);
  expect(told[0]).toMatchObject({ totalBytes: body.length, note: null });
  expect(told.every(({ doneBytes }, at) => doneBytes >= (told[at - 1]?.doneBytes ?? 0))).toBe(true);
});

describe('a line that is cut', () => {
  it('goes on where it was cut, as often as it takes, as long as each try brings more', async () => {
    const { server, path, fetch, ranges, told } = await stage();
    const cuts = [mib, 300_000, 300_000, 300_000, 300_000, 300_000];
    expect(await fetch(server.serve('/m.gguf', served({ cuts })))).toEqual(whole);
    expect(body.equals(await readFile(path))).toBe(true);
    // More often than it has tries in vain; what was under way when the line was cut may be lost.
    expect(ranges()).toHaveLength(7);
    const begins = ranges().map((range) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(begins).toEqual(begins.toSorted((a, b) => a - b));
    expect(begins.at(-1)).toBeGreaterThan(mib);
    expect(told.find(({ note }) => note !== null)?.note).toBe('the connection was cut; tried again in 1s');
  });

  it('is given up after some tries that bring nothing, and is gone on with by whoever comes next', async () => {
    const { server, path, fetch, ranges } = await stage();
    const url = server.serve('/m.gguf', served({ cuts: [mib, 0, 0, 0, 0] }));
    expect(await fetch(url)).toMatchObject({ ok: false, error: { kind: 'broken', text: 'the connection was cut' } });
    const { size } = await stat(path);
    expect(size).toBeGreaterThan(0);
    server.asked.length = 0;
    server.serve('/m.gguf', served());
    expect(await fetch(url)).toEqual(whole);
    expect(ranges()).toEqual([`bytes=${size}-`]);
    expect(body.equals(await readFile(path))).toBe(true);
  });

  test.each<[string, Partial<Served>]>([
    ['that ignores ranges', { ignoresRanges: true }],
    ['that has no ETag', { etag: null }],
    ['that has a weak ETag only', { etag: 'W/"one"' }],
  ])('begins anew at a server %s', async (_, more) => {
    const { server, path, fetch } = await stage();
    expect(await fetch(server.serve('/m.gguf', served({ ...more, cuts: [mib] })))).toEqual(whole);
    expect(body.equals(await readFile(path))).toBe(true);
  });

  it('begins anew when the file has changed meanwhile', async () => {
    const { server, path, fetch, ranges } = await stage();
    const url = server.serve('/m.gguf', served({ cuts: [mib, 0, 0, 0, 0] }));
    await fetch(url);
    const { size } = await stat(path);
    const other = randomBytes(1_500_000);
    server.asked.length = 0;
    server.serve('/m.gguf', { body: other, etag: '"two"' });
    expect(await fetch(url)).toMatchObject({ ok: true, bytes: other.length });
    expect(ranges()[0]).toBe(`bytes=${size}-`);
    expect(other.equals(await readFile(path))).toBe(true);
  });

  it('does not take the part of another file for its own, nor one that nobody has noted', async () => {
    const { server, path, fetch, ranges } = await stage();
    await fetch(server.serve('/other.gguf', served({ cuts: [mib, 0, 0, 0, 0] })));
    server.asked.length = 0;
    expect(await fetch(server.serve('/m.gguf', served()))).toEqual(whole);
    await writeFile(`${path}.json`, 'torn {');
    expect(await fetch(server.serve('/m.gguf', served()))).toEqual(whole);
    expect(ranges()).toEqual([undefined, undefined]);
  });

  it('asks for nothing of a file that is here whole', async () => {
    const { server, fetch, ranges } = await stage();
    const url = server.serve('/m.gguf', served());
    await fetch(url);
    expect(await fetch(url)).toEqual(whole);
    expect(ranges()).toEqual([undefined, `bytes=${body.length}-`]);
  });
});

describe('a server', () => {
  it('that says more than it sends, is no whole file', async () => {
    const { server, fetch } = await stage();
    const url = server.serve('/m.gguf', served({ saysLength: body.length + 10, cuts: Array(9).fill(body.length) }));
    expect(await fetch(url)).toMatchObject({ ok: false, error: { kind: 'broken' } });
  });

  it('that does not say how much it sends, is believed when it has ended', async () => {
    const { server, fetch, told } = await stage();
    expect(await fetch(server.serve('/m.gguf', served({ saysLength: null })))).toEqual(whole);
    expect(told[0]?.totalBytes).toBe(null);
  });

  it('that falls silent, is asked again', async () => {
    const { server, fetch, ranges } = await stage();
    let go = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      go = resolve;
    });
    const url = server.serve('/m.gguf', served({ stall: { after: mib, until } }));
    const end = fetch(url, {
      patience: { waitsMs: [1, 1], silenceMs: 200, tellEveryMs: 0 },
      tell: ({ note }) => note !== null && void server.serve('/m.gguf', served()),
    });
    expect(await end).toEqual(whole);
    go();
    expect(ranges()).toEqual([undefined, `bytes=${mib}-`]);
  });

  test.each<[number, string, string]>([
    [401, 'refused', 'the server does not let us have it (HTTP 401)'],
    [403, 'refused', 'the server does not let us have it (HTTP 403)'],
    [404, 'refused', 'the server has no such file (HTTP 404)'],
    [418, 'refused', 'the server answered HTTP 418'],
  ])('that answers %i, is asked once', async (status, kind, text) => {
    const { server, fetch } = await stage();
    expect(await fetch(server.serve('/m.gguf', served({ statuses: [status, status] })))).toEqual({
      ok: false,
      error: { kind, text },
    });
    expect(server.asked).toHaveLength(1);
  });

  test.each([429, 500, 503])('that answers %i, may answer better the next time', async (status) => {
    const { server, fetch } = await stage();
    expect(await fetch(server.serve('/m.gguf', served({ statuses: [status, status], retryAfter: '0.001' })))).toEqual(whole);
    expect(await fetch(server.serve('/m.gguf', served({ statuses: Array(9).fill(status) })))).toMatchObject({
      error: { kind: 'broken', text: `the server answered HTTP ${status}` },
    });
  });

  it('that is not there, is missed in words', async () => {
    const { server, fetch } = await stage();
    const { url } = server;
    await server.end();
    expect(await fetch(`${url}/m.gguf`)).toMatchObject({ error: { kind: 'broken', text: 'nobody listens at the server' } });
    await server.start();
  });
});

describe('redirects', () => {
  it('are followed, and what the hub says on the way is kept: digest and size', async () => {
    const { server, fetch, told } = await stage();
    const sha256 = 'a'.repeat(64);
    const redirect = server.serve('/cdn', served({ saysLength: null }));
    const headers = { 'x-linked-etag': `"${sha256}"`, 'x-linked-size': String(body.length) };
    expect(await fetch(server.serve('/m.gguf', served({ redirect, headers })))).toEqual({ ...whole, sha256 });
    expect(told[0]?.totalBytes).toBe(body.length);
  });

  it('that lead on and on, or nowhere, are refused', async () => {
    const { server, fetch } = await stage();
    const url = server.serve('/m.gguf', served({ redirect: '/m.gguf' }));
    expect(await fetch(url)).toMatchObject({ error: { kind: 'refused', text: 'the server sends us on and on (10 times)' } });
    server.serve('/m.gguf', served({ redirect: 'http://example.org/x' }));
    expect(await fetch(url)).toMatchObject({ error: { kind: 'refused', text: expect.stringContaining('not safe') } });
  });

  test.each([
    ['https://a.org/x', 'https://b.org/y', 'https://b.org/y'],
    ['https://a.org/x', '/y', 'https://a.org/y'],
    ['https://a.org/x', 'http://b.org/y', null],
    ['https://a.org/x', 'http://127.0.0.1/y', null],
    ['https://a.org/x', 'https://localhost/y', null],
    ['https://a.org/x', 'file:///etc/passwd', null],
    ['http://127.0.0.1:1/x', 'http://localhost:2/y', 'http://localhost:2/y'],
    ['https://a.org/x', null, null],
  ])('from %s to %s', (from, to, leads) => {
    expect(redirected(new URL(from), to)?.href ?? null).toBe(leads);
  });
});

describe('credentials', () => {
  it("of a URL go to its own server alone, and the part's note does not hold them", async () => {
    const { server, path, fetch } = await stage();
    const elsewhere = await new FileServer().start();
    onTestFinished(() => elsewhere.end());
    const redirect = elsewhere.serve('/cdn', served());
    const url = new URL(server.serve('/m.gguf', served({ redirect })));
    url.username = 'me';
    url.password = 's3cret';
    url.search = '?token=t0ken';
    expect(await fetch(url.href)).toEqual(whole);
    expect(server.asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:s3cret').toString('base64')}`);
    expect(elsewhere.asked[0]?.headers.authorization).toBeUndefined();
    expect(await readFile(`${path}.json`, 'utf8')).not.toMatch(/s3cret|t0ken/);
  });

  test.each([
    ['https://huggingface.co/org/repo/resolve/main/x', 'Bearer hf_x'],
    ['https://cdn-lfs.huggingface.co/x', 'Bearer hf_x'],
    ['http://huggingface.co/x', null],
    ['https://huggingface.co.evil.org/x', null],
    ['https://evilhuggingface.co/x', null],
    ['https://cas-bridge.xethub.hf.co/x', null],
    ['https://example.org/x', null],
  ])('the token of the hub: to %s', (url, authorization) => {
    expect(authorizationFor(new URL(url), 'hf_x')).toBe(authorization);
  });
});

it('does not begin where the hub says that the file has another digest', async () => {
  const { server, fetch } = await stage();
  const headers = { 'x-linked-etag': `"${'a'.repeat(64)}"` };
  const redirect = server.serve('/cdn', served());
  const url = server.serve('/m.gguf', served({ redirect, headers }));
  expect(await fetch(url, { sha256: 'b'.repeat(64) })).toMatchObject({
    error: {
      kind: 'digest',
      text: `the server's file has the digest sha256:${'a'.repeat(64)}, and model_digest says sha256:${'b'.repeat(64)}`,
    },
  });
});

it('does not begin what has no room on the disk', async () => {
  const { server, fetch } = await stage();
  const url = server.serve('/m.gguf', served({ saysLength: 2 ** 49, cuts: [10] }));
  expect(await fetch(url)).toMatchObject({
    error: { kind: 'space', text: expect.stringMatching(/^524288\.0 GiB are to come, and [\d.]+ GiB are free in \//) },
  });
});

it('ends when nobody waits any more, and keeps what it has', async () => {
  const { server, path, fetch } = await stage();
  const controller = new AbortController();
  const until = new Promise<void>(() => undefined);
  const url = server.serve('/m.gguf', served({ stall: { after: 2 * mib, until } }));
  const end = await fetch(url, {
    signal: controller.signal,
    tell: ({ doneBytes }) => doneBytes >= mib && controller.abort(),
  });
  expect(end).toMatchObject({ ok: false, error: { kind: 'left' } });
  expect((await readFile(path)).length).toBeGreaterThanOrEqual(mib);
});
