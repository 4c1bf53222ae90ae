import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Result } from '../../src/core/model.js';
import { openRegistry, readRegistry } from '../../src/shell/registry.js';
import { scratchDir } from '../host/scratch.js';
import fc from '../rig/chance.js';

/** A promise with its resolution in hand. */
function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const asIs = (content: unknown): Result<unknown, string> => ({ ok: true, value: content });

test('all barriers of one turn share one write, which holds the state as it is then', async () => {
  const path = join(await scratchDir(), 'state.json');
  let writes = 0;
  let state = 1;
  const registry = openRegistry({
    path,
    content: () => {
      writes++;
      return { state };
    },
    onStorage: () => expect.fail('no failure here'),
  });
  const first = registry.flush();
  state = 2;
  await Promise.all([first, registry.flush(), registry.flush()]);
  expect([writes, JSON.parse(await readFile(path, 'utf8'))]).toEqual([1, { state: 2 }]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a barrier that is asked for while a write runs waits for one that holds its own state', async () => {
  const path = join(await scratchDir(), 'state.json');
  let state = 1;
  let late: Promise<void> | null = null;
  const registry = openRegistry({
    path,
    content: () => {
      const now = state;
      state = 2;
      late ??= registry.flush();
      return { state: now };
    },
    onStorage: () => expect.fail('no failure here'),
  });
  await registry.flush();
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ state: 1 });
  await late;
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ state: 2 });
});

test('a big registry is not written all the time for what nobody waits for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let writes = 0;
  const third = signal();
  const registry = openRegistry({
    path: join(await scratchDir(), 'state.json'),
    content: () => {
      writes++;
      if (writes === 3) third.resolve();
      for (const until = performance.now() + 10; performance.now() < until; );
      return {};
    },
    onStorage: () => expect.fail('no failure here'),
  });
  await registry.flush();
  registry.touch();
  await vi.advanceTimersByTimeAsync(99);
  expect(writes).toBe(1);
  // Whoever waits for it does not wait for that.
  await registry.flush();
  expect(writes).toBe(2);
  registry.touch();
  await vi.advanceTimersByTimeAsync(10_000);
  await third.promise;
  await registry.close();
});

test('many touches become one write; closing writes the last state, and nothing after it', async () => {
  const path = join(await scratchDir(), 'state.json');
  let writes = 0;
  const written = signal();
  const registry = openRegistry({
    path,
    content: () => {
      writes++;
      written.resolve();
      return { writes };
    },
    onStorage: () => expect.fail('no failure here'),
    delayMs: 5,
  });
  for (let n = 0; n < 100; n++) registry.touch();
  await written.promise;
  await registry.flush();
  expect(writes).toBeLessThanOrEqual(2);
  await registry.close();
  const atEnd = writes;
  registry.touch();
  await Promise.all([registry.flush(), registry.close()]);
  expect(writes).toBe(atEnd);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ writes: atEnd });
});

test('a failure is told once, harms nobody, and is taken back when it is well again', async () => {
  const dir = join(await scratchDir(), 'later');
  const told: (string | null)[] = [];
  const well = signal();
  const registry = openRegistry({
    path: join(dir, 'state.json'),
    content: () => ({}),
    onStorage: (error) => {
      told.push(error);
      if (error === null) well.resolve();
    },
    retryMs: 10,
  });
  await registry.flush();
  await registry.flush();
  expect(told).toEqual([expect.stringContaining('cannot write "')]);
  await mkdir(dir);
  await well.promise;
  expect(told).toHaveLength(2);
  await registry.close();
});

test('no registry is none; a whole one is read back', async () => {
  const path = join(await scratchDir(), 'state.json');
  expect(await readRegistry(path, asIs)).toEqual({ content: null, setAside: null });
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue().filter((value) => value !== null),
      async (content) => {
        const registry = openRegistry({ path, content: () => content, onStorage: () => expect.fail('no failure here') });
        await registry.close();
        expect(await readRegistry(path, asIs)).toEqual({ content: JSON.parse(JSON.stringify(content)), setAside: null });
      },
    ),
    { numRuns: 20 },
  );
});

test('cut at any byte it is put aside, told, and never lost', async () => {
  const path = join(await scratchDir(), 'state.json');
  const whole = JSON.stringify({ engines: [{ key: 'chat/r0', pid: 4121 }], title: 'ä' });
  for (let cut = 0; cut < Buffer.byteLength(whole); cut += 3) {
    const torn = Buffer.from(whole).subarray(0, cut);
    await writeFile(path, torn);
    const { content, setAside } = await readRegistry(path, asIs);
    expect(content).toBeNull();
    expect(setAside).toMatchObject({ why: expect.any(String), to: expect.stringMatching(/state\.json\.unreadable-\d+$/) });
    expect(await readFile(setAside?.to ?? '')).toEqual(torn);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  }
});

test('what cannot be used is put aside under the next free name, with the reason that was given', async () => {
  const dir = await scratchDir();
  const path = join(dir, 'state.json');
  await writeFile(`${path}.unreadable-1`, 'older');
  await writeFile(path, '{"version":99}');
  expect(await readRegistry(path, () => ({ ok: false, error: 'of another version' }))).toEqual({
    content: null,
    setAside: { why: 'of another version', to: `${path}.unreadable-2` },
  });
  expect((await readdir(dir)).sort()).toEqual(['state.json.unreadable-1', 'state.json.unreadable-2']);
  expect(await readFile(`${path}.unreadable-1`, 'utf8')).toBe('older');
});

test('a directory in its place is told and left to people', async () => {
  const path = join(await scratchDir(), 'state.json');
  await mkdir(path);
  const { content, setAside } = await readRegistry(path, asIs);
  expect([content, setAside?.why]).toEqual([null, expect.stringContaining('EISDIR')]);
  await rm(path, { recursive: true, force: true });
});
