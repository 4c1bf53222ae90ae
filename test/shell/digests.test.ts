/** Digests of files: worked out beside us, told of on the way, and once. */

import { createHash } from 'node:crypto';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import type { Staging } from '../../src/core/progress.js';
import { identityOf } from '../../src/host/model-files.js';
import { makeDigests } from '../../src/shell/digests.js';
import { patient, type Watch } from '../../src/shell/shared-work.js';
import { scratchDir } from '../host/scratch.js';

const [mib, gib] = [2 ** 20, 2 ** 30];
/** Of so many zeros. */
const ofZeros = new Map([
  [256 * mib, 'sha256:a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484'],
  [512 * mib, 'sha256:9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767'],
  [gib, 'sha256:49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14'],
  [2 * gib, 'sha256:a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51'],
]);
const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function fileOf(path: string) {
  return { path, name: 'm.gguf', identity: identityOf(await stat(path)) };
}

/** Of zeros that take no room on the disk, and as long to read as any. */
async function largeFile(bytes: number): Promise<string> {
  const path = join(await scratchDir(), 'large');
  const file = await open(path, 'w');
  await file.truncate(bytes);
  await file.close();
  return path;
}

it('are those of the files, also of one with an odd name; and what cannot be read says why', async () => {
  const digests = makeDigests(null);
  const path = join(await scratchDir(), 'odd\nname \\ .bin');
  await writeFile(path, 'content');
  expect(await digests.of(await fileOf(path), patient)).toEqual({ ok: true, value: sha256('content') });
  const gone = { path: join(path, 'none'), name: 'none', identity: 'x' };
  expect(await digests.of(gone, patient)).toMatchObject({ ok: false, error: expect.stringContaining('sha256sum') });
});

it('are remembered by the very file, by the next supervisor too; a rehearsal writes nothing', async () => {
  const dir = await scratchDir();
  const [path, memory] = [join(dir, 'm'), join(dir, 'digests.json')];
  await writeFile(path, 'one');
  const first = await fileOf(path);
  expect(await makeDigests(memory, false).of(first, patient)).toMatchObject({ ok: true });
  await expect(stat(memory)).rejects.toMatchObject({ code: 'ENOENT' });
  await makeDigests(memory).of(first, patient);
  await writeFile(path, 'another');
  // By its identity alone, so it was not read again.
  expect(await makeDigests(memory).of(first, patient)).toEqual({ ok: true, value: sha256('one') });
  expect(await makeDigests(memory).of(await fileOf(path), patient)).toEqual({ ok: true, value: sha256('another') });
  await writeFile(memory, '{ torn');
  expect(await makeDigests(memory).of(first, patient)).toEqual({ ok: true, value: sha256('another') });
});

it('of a large file leave our loop alone, are worked out once for all who wait, and tell how far they are', async () => {
  // What takes one machine a second, and is told of on the way, another has done by then: it gets a larger one.
  const told: Staging[] = [];
  for (const [bytes, digest] of ofZeros) {
    if (told.length > 0) break;
    const digests = makeDigests(null);
    const file = await fileOf(await largeFile(bytes));
    const watch: Watch = { signal: patient.signal, tell: (staging) => void told.push(staging) };
    const [begun, before] = [performance.now(), process.cpuUsage()];
    const both = await Promise.all([digests.of(file, watch), digests.of(file, watch)]);
    const [elapsedMs, { user, system }] = [performance.now() - begun, process.cpuUsage(before)];
    expect(both[0]).toEqual({ ok: true, value: digest });
    expect(both[1]).toBe(both[0]);
    for (const { doing, doneBytes, totalBytes } of told)
      expect({ doing, totalBytes, within: doneBytes <= bytes }).toEqual({ doing: 'digest', totalBytes: bytes, within: true });
    // By what we took of the processor: on a busy machine the loop's lag, and how long it was at work, are others' doing.
    if (told.length > 0) expect((user + system) / 1000 / elapsedMs).toBeLessThan(0.1);
  }
  expect(told).not.toEqual([]);
}, 60_000);

it('that nobody waits for are given up', async () => {
  const digests = makeDigests(null);
  const file = await fileOf(await largeFile(200 * gib));
  const leaving = new AbortController();
  const digest = digests.of(file, { signal: leaving.signal, tell: () => leaving.abort() });
  expect(await digest).toBe(null);
});
