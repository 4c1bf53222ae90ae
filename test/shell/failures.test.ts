import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event } from '../../src/core/events.js';
import { keepFailures } from '../../src/shell/failures.js';
import { scratchDir } from '../host/scratch.js';

const mark = (n: number): string => `--- poolctl: chat/r0 incarnation ${n} 1970-01-01T00:00:00.000Z\n`;
const crash = (crash_count: number): Event => ({
  ...{ event: 'replica.crashed', level: 'error', pool_id: 'chat', replica_id: 'r0' },
  crash_count,
});

async function stand() {
  const dir = join(await scratchDir(), 'chat');
  mkdirSync(dir);
  const log = join(dir, 'r0.log');
  const files = { log, firstFailure: join(dir, 'first'), lastFailure: join(dir, 'last') };
  const storage: (string | null)[] = [];
  const failures = keepFailures({ filesOf: () => files, onStorage: (_, error) => storage.push(error) });
  const kept = (): readonly string[] => [files.firstFailure, files.lastFailure].map((path) => readFileSync(path, 'utf8'));
  return { dir, ...files, storage, failures, kept };
}

test('of a streak the first and the last are kept, each for its owner alone; the next streak begins anew', async () => {
  const { dir, log, firstFailure, failures, kept } = await stand();
  for (const [n, count] of [1, 2, 3].entries()) {
    appendFileSync(log, `${mark(n + 1)}words ${n + 1}\n`);
    failures.hear(crash(count));
    await failures.flush();
  }
  expect(kept()).toEqual([`${mark(1)}words 1\n`, `${mark(3)}words 3\n`]);
  expect(statSync(firstFailure).mode & 0o777).toBe(0o600);
  appendFileSync(log, `${mark(4)}words 4\n`);
  failures.hear(crash(1));
  await failures.flush();
  expect(kept()).toEqual([`${mark(4)}words 4\n`, `${mark(4)}words 4\n`]);
  expect(readdirSync(dir).sort()).toEqual(['first', 'last', 'r0.log']);
});

test('what is kept is what was there when the crash was told, and of a long log its end', async () => {
  const { log, failures, kept } = await stand();
  writeFileSync(log, `${mark(1)}${'x'.repeat(99)}\n`.repeat(1) + `${'y'.repeat(99)}\n`.repeat(2_000));
  failures.hear(crash(1));
  appendFileSync(log, `${mark(2)}of the successor\n`);
  await failures.flush();
  const [first = ''] = kept();
  expect(first.length).toBeGreaterThan(64 * 1024 - 100);
  expect(first.length).toBeLessThanOrEqual(64 * 1024);
  expect(first).toMatch(/^(?:y{99}\n)+$/);
});

test('a loop of crashes that is faster than the disk leaves its first and its last', async () => {
  const { log, failures, kept } = await stand();
  for (let n = 1; n <= 50; n += 1) {
    appendFileSync(log, `${mark(n)}words ${n}\n`);
    failures.hear(crash(n));
  }
  await failures.flush();
  expect(kept()).toEqual([`${mark(1)}words 1\n`, `${mark(50)}words 50\n`]);
});

test('what cannot be kept is told, and hurts nobody', async () => {
  const { log, lastFailure, storage, failures } = await stand();
  mkdirSync(`${lastFailure}.new`);
  failures.hear({ event: 'replica.ready', level: 'info', pool_id: 'chat', replica_id: 'r0' });
  failures.hear(crash(2));
  await failures.flush();
  expect(storage).toEqual([expect.stringMatching(/^cannot keep ".*last": EISDIR/)]);
  failures.mend();
  await failures.flush();
  expect(storage).toHaveLength(2);
  rmSync(`${lastFailure}.new`, { recursive: true });
  failures.mend();
  await failures.flush();
  expect([storage[2], existsSync(lastFailure)]).toEqual([null, true]);
  rmSync(log, { force: true });
  failures.hear(crash(3));
  await failures.flush();
  expect([storage[3], readFileSync(lastFailure, 'utf8')]).toEqual([null, '']);
});
