/** More events than any supervisor has to tell: far more than ten thousand a second. It answers, stays small, and says what it could not keep. */

import { readdir, stat } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readJournal } from '../../src/host/journal-files.js';
import { scratchDir } from '../host/scratch.js';
import { begin } from './begun.js';

const count = 60_000;
const atOnce = 100;
const mostBytes = 2 * 1024 * 1024;

test('a flood of events is told to all who listen, rotated, and bounded; what the journal lacks is said to the event', async () => {
  const dir = await scratchDir();
  const { exit, signals, seen, publish, client, paths, bugs } = begin(dir, {
    ports: 28_800,
    events: { maxSizeBytes: mostBytes, keep: 20 },
  });
  await seen(2, 'replica.ready');
  const before = process.memoryUsage().rss;
  let answers = 0;
  let flooding = true;
  const asking = (async () => {
    for (; flooding; answers += 1) expect((await client.status()).pools[0]).toMatchObject({ ready: true });
  })();
  for (let n = 0; n < count; n += atOnce) {
    for (let each = 0; each < atOnce; each += 1)
      publish({
        event: 'lease.refused',
        level: 'debug',
        pool_id: 'chat',
        reason: `no free slot, said for the ${n + each}th time`,
      });
    await turn();
  }
  flooding = false;
  await asking;
  expect(answers).toBeGreaterThan(3);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);

  signals.emit('SIGTERM');
  expect(await exit).toBe(0);
  expect(bugs).toEqual([]);
  const files = (await readdir(dir)).filter((name) => name.startsWith('events.jsonl'));
  expect(files.length).toBeGreaterThan(2);
  for (const name of files) expect((await stat(`${dir}/${name}`)).size).toBeLessThanOrEqual(mostBytes);
  const lines = (await readJournal(paths.journal)) ?? [];
  const numbers = lines.map(({ id }) => Number(id.split('-')[1]));
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  const missing = (numbers.at(-1) ?? 0) - numbers.length;
  const said = lines.flatMap(({ reason }) => /lacks (\d+) events/.exec(String(reason))?.[1] ?? []);
  expect(said.reduce((sum, each) => sum + Number(each), 0)).toBe(missing);
}, 60_000);
