import { appendFileSync, closeSync, openSync, renameSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { followFile } from '../../src/shell/tail.js';
import { scratchDir } from '../host/scratch.js';

async function follow(first: string, offset = 0) {
  const path = join(await scratchDir(), 'r0.log');
  writeFileSync(path, first);
  const lines: string[] = [];
  let caughtUp = 0;
  const tail = followFile({ path, offset, onLine: (line) => lines.push(line), onCaughtUp: () => (caughtUp += 1) });
  onTestFinished(() => tail.finish());
  return { path, lines, tail, caughtUp: () => caughtUp };
}

test('what is there from the offset on, and what comes while it lives, line by line', async () => {
  const { path, lines, caughtUp } = await follow('before\nfirst\nsec', 7);
  await expect.poll(() => lines, { interval: 5, timeout: 4_000 }).toEqual(['first']);
  await expect.poll(caughtUp, { interval: 5 }).toBe(1);
  appendFileSync(path, 'ond\r\n\nthird\n');
  await expect.poll(() => lines, { interval: 5 }).toEqual(['first', 'second', '', 'third']);
  appendFileSync(path, 'fourth\n');
  await expect.poll(() => lines.at(-1), { interval: 5 }).toBe('fourth');
  // Two writes that come close together are caught up with at once.
  await expect.poll(caughtUp, { interval: 5 }).toBeGreaterThanOrEqual(2);
});

test('at its end everything is read at once, the last line without its break too, and nothing after', async () => {
  const { path, lines, tail } = await follow('');
  const written = Array.from({ length: 20_000 }, (_, at) => `line ${at}`);
  appendFileSync(path, `${written.join('\n')}\nhalf a l`);
  const finished = tail.finish();
  expect(lines).toEqual([...written, 'half a l']);
  await finished;
  appendFileSync(path, 'ine\n');
  await tail.finish();
  expect(lines.length).toBe(20_001);
});

test('more than that is read in slices, and more than 32 MiB without its middle, whose lines are counted', async () => {
  const { path, lines, tail } = await follow('');
  const block = `${'x'.repeat(1023)}\n`.repeat(1024);
  for (let mib = 0; mib < 40; mib += 1) appendFileSync(path, block);
  appendFileSync(path, 'the end\n');
  let turns = 0;
  const turning = setInterval(() => (turns += 1));
  const finished = tail.finish();
  expect(lines.length).toBeLessThanOrEqual(320);
  await finished;
  clearInterval(turning);
  expect(turns).toBeGreaterThan(10);
  expect(lines.length).toBe(40 * 1024 + 1);
  const whole = lines.filter((line) => line.length === 1023).length;
  expect(whole).toBeGreaterThan(31 * 1024);
  expect(whole).toBeLessThan(34 * 1024);
  expect([lines[20 * 1024], lines.at(-1)]).toEqual(['', 'the end']);
});

test('a flood does not keep the loop from its work', async () => {
  const { path, lines } = await follow(`${'x'.repeat(99)}\n`.repeat(100_000));
  let between = 0;
  const turn = (): void => {
    if (lines.length > 0) between += 1;
    if (lines.length < 100_000) setImmediate(turn);
  };
  turn();
  await expect.poll(() => lines.length, { interval: 20, timeout: 8_000 }).toBe(100_000);
  // Of some 150 pieces none came in the same turn as another.
  expect(between).toBeGreaterThan(100);
  appendFileSync(path, 'after it\n');
  await expect.poll(() => lines.at(-1), { interval: 5 }).toBe('after it');
});

test('a file that is emptied under it, renamed or deleted is followed on', async () => {
  const { path, lines } = await follow('one\n');
  await expect.poll(() => lines, { interval: 5, timeout: 4_000 }).toEqual(['one']);
  truncateSync(path);
  appendFileSync(path, '2\n');
  await expect.poll(() => lines, { interval: 5 }).toEqual(['one', '2']);
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'of another file\n');
  appendFileSync(`${path}.1`, 'three\n');
  await expect.poll(() => lines, { interval: 5 }).toEqual(['one', '2', 'three']);
});

test('what is written to a deleted file by one who has it open is read', async () => {
  const { path, lines, tail } = await follow('one\n');
  const fd = openSync(path, 'a');
  onTestFinished(() => closeSync(fd));
  rmSync(path);
  writeSync(fd, 'two\n');
  await tail.finish();
  expect(lines).toEqual(['one', 'two']);
});

test('a long line is cut, split characters are whole, and a file that is not there has no lines', async () => {
  const { path, lines, tail } = await follow('');
  appendFileSync(path, `${'y'.repeat(100_000)}\n`);
  appendFileSync(path, Buffer.from('gr\u00fc\u00df', 'utf8').subarray(0, 3));
  await expect.poll(() => lines.length, { interval: 5, timeout: 4_000 }).toBe(1);
  expect(lines[0]).toBe('y'.repeat(16 * 1024));
  appendFileSync(path, Buffer.from('gr\u00fc\u00df\n', 'utf8').subarray(3));
  await tail.finish();
  expect(lines[1]).toBe('gr\u00fc\u00df');
  const missing: string[] = [];
  await followFile({ path: `${path}.missing`, offset: 0, onLine: (line) => missing.push(line) }).finish();
  expect(missing).toEqual([]);
});
