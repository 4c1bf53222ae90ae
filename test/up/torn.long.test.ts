/** The files of a real supervisor, cut at every byte as a crash of the machine may leave them: what is whole is used, what is not is told, and nothing throws. */

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type JournalLine, readJournal } from '../../src/host/journal-files.js';
import { clientSocket } from '../../src/host/paths.js';
import { openJournal } from '../../src/shell/journal.js';
import { readHolder } from '../../src/shell/lock.js';
import { readRegistry } from '../../src/shell/registry.js';
import { parseRecord, readRecord } from '../../src/up/record.js';
import { scratchDir } from '../host/scratch.js';
import { begin } from './begun.js';

const real = { registry: Buffer.alloc(0), journal: Buffer.alloc(0), lock: Buffer.alloc(0) };

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'poolctl-test-'));
  const { exit, signals, seen, paths } = begin(dir, { ports: 28_900 });
  await seen(2, 'replica.ready');
  real.lock = await readFile(paths.lock);
  signals.emit('SIGTERM');
  await exit;
  real.registry = await readFile(paths.registry);
  real.journal = Buffer.from((await readFile(paths.journal, 'utf8')).split('\n').slice(-5).join('\n'));
  await rm(dir, { recursive: true });
});

/** A file's beginning, and what a file system may show behind it: nothing, or blocks that were never written. */
const tails = [
  ['and nothing behind', (file: Buffer, cut: number) => file.subarray(0, cut)],
  ['and zeros up to its length', (file: Buffer, cut: number) => Buffer.concat([file.subarray(0, cut)], file.length)],
] as const;

it.each(tails)(
  'a torn registry (every byte, %s) is set aside whole, or used where all of it is there',
  async (_, torn) => {
    const path = join(await scratchDir(), 'state.json');
    const whole = JSON.parse(real.registry.toString());
    expect(real.registry.length).toBeGreaterThan(2_000);
    for (let cut = 0; cut < real.registry.length; cut++) {
      const found = torn(real.registry, cut);
      await writeFile(path, found);
      const isWhole = found.length === real.registry.length - 1;
      expect([cut, parsed(found)]).toEqual([cut, isWhole ? whole : null]);
      // What the disk does with it is the same for all that cannot be parsed.
      if (cut % 97 !== 0 && real.registry.length - cut > 5) continue;
      await writeFile(path, found);
      expect(await readRecord(path)).toEqual(isWhole ? whole : null);
      const { content, setAside } = await readRegistry(path, parseRecord);
      if (isWhole) {
        expect([content, setAside]).toEqual([whole, null]);
        continue;
      }
      expect([cut, content, setAside]).toEqual([cut, null, { why: expect.any(String), to: `${path}.unreadable-1` }]);
      expect((await readFile(`${path}.unreadable-1`)).equals(found)).toBe(true);
      await rm(`${path}.unreadable-1`);
    }
  },
  60_000,
);

it.each(tails)(
  'a torn journal (every byte, %s) has each line that is whole, and takes the next one behind them',
  async (_, torn) => {
    const path = join(await scratchDir(), 'events.jsonl');
    const lines = real.journal.toString().split('\n').slice(0, -1);
    const next: JournalLine = { id: 'next-1', time: new Date(0).toISOString(), event: 'supervisor.started' };
    expect(lines.length).toBe(4);
    for (let cut = 0; cut < real.journal.length; cut++) {
      const found = torn(real.journal, cut);
      await writeFile(path, found);
      const left = found.subarray(0, cut).toString().split('\n');
      const kept = lines.slice(0, left.length).filter((line, at) => left[at] === line);
      const isRead = async (): Promise<readonly string[]> =>
        ((await readJournal(path)) ?? []).map((line) => JSON.stringify(line));
      // Of a line to which zeros are glued nothing is believed.
      const glued = found.length > cut && left.at(-1) !== '' && left.at(-1) === lines[left.length - 1];
      const whole = glued ? kept.slice(0, -1) : kept;
      expect([cut, await isRead()]).toEqual([cut, whole]);
      const journal = openJournal({ path, maxBytes: 1e9, keep: 1, onStorage: (error) => expect.fail(error ?? 'well') });
      journal.append(next);
      await journal.close();
      expect([cut, await isRead()]).toEqual([cut, [...whole, JSON.stringify(next)]]);
    }
  },
  60_000,
);

it('a torn lock (every byte) names nobody, and leads clients to where the socket lies by default', async () => {
  const stateDir = await scratchDir();
  const path = join(stateDir, 'supervisor.lock');
  const byDefault = join(stateDir, 'poolctl.sock');
  for (let cut = 0; cut < real.lock.length - 1; cut++) {
    await writeFile(path, real.lock.subarray(0, cut));
    expect(await readHolder(path)).toBeNull();
    expect(clientSocket({ stateDir }, {}, { cwd: '/', home: '/' })).toBe(byDefault);
  }
  await appendFile(path, real.lock.subarray(real.lock.length - 2));
  expect(await readHolder(path)).toMatchObject({ pid: process.pid });
});

it.each([
  [{ format: 1, boot_id: 'x', replicas: {} }, 'an older poolctl has written it (format 1, and this one reads 2)'],
  [{ format: 3, boot_id: 'x', engines: [] }, 'a newer poolctl has written it (format 3, and this one reads 2)'],
  [{ format: '2' }, 'it is no registry of poolctl'],
  [{ format: 2 }, 'it is no registry of poolctl'],
  [[], 'it is no registry of poolctl'],
  [null, 'it is no registry of poolctl'],
])('a registry of another version is told as that: %j', (content, error) => {
  expect(parseRecord(content)).toEqual({ ok: false, error });
});

function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return null;
  }
}
