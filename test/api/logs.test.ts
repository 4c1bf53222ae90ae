/** Engine logs from real files: what is selected, and what is followed over rotation, truncation and new incarnations. */

import { existsSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { appendFile, copyFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Selection } from '../../src/api/logs/selection.js';
import { followLog, readLog } from '../../src/api/logs.js';
import { scratchDir, until } from '../host/scratch.js';
import fc from '../rig/chance.js';
import { ask, dial, openStand } from './stand.js';

const key = 'chat/r0';
const mark = (n: number, of = key): string => `--- poolctl: ${of} incarnation ${n} 2026-01-01T00:00:00.000Z\n`;
const everything: Selection = { key, tail: null, previous: false };

/** A log of these texts, the oldest first. */
async function logOf(...texts: readonly (string | Buffer)[]): Promise<string> {
  const path = join(await scratchDir(), 'r0.log');
  const names = texts.map((_, n) => (n === 0 ? path : `${path}.${n}`));
  await Promise.all(names.map((name, n) => writeFile(name, texts[texts.length - 1 - n] ?? '')));
  return path;
}

async function read(path: string, more: Partial<Selection> = {}): Promise<string | null> {
  const pieces = await readLog(path, { ...everything, ...more });
  if (pieces === null) return null;
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read).toString('latin1');
}

/** As the supervisor does it: what would be `.4` goes. */
function shift(log: string): void {
  for (const n of [3, 2, 1]) if (existsSync(`${log}.${n}`)) renameSync(`${log}.${n}`, `${log}.${n + 1}`);
  rmSync(`${log}.4`, { force: true });
}

/** Those who read in the supervisor see what it does in one turn done; others may look `between` having the copy and emptying the log. */
async function cut(log: string, between: (() => Promise<void>) | null = null): Promise<void> {
  await copyFile(log, `${log}.copy`);
  shift(log);
  renameSync(`${log}.copy`, `${log}.1`);
  await between?.();
  truncateSync(log);
}

async function turns(count: number): Promise<void> {
  for (let turn = count; turn > 0; turn -= 1) await new Promise(setImmediate);
}

describe('a selection', () => {
  it('is everything, oldest first, over the files that are there', async () => {
    const path = await logOf('one\n', 'two\n', 'three\n');
    expect(await read(path)).toBe('one\ntwo\nthree\n');
    await rm(`${path}.1`);
    expect(await read(path)).toBe('one\nthree\n');
    expect(await read(join(await scratchDir(), 'none.log'), { tail: 5 })).toBe('');
  });

  it('is the last lines, over files, and a last line without its end counts', async () => {
    const path = await logOf('a\nb\n', '', 'c\nd');
    expect(await Promise.all([0, 1, 2, 3, 4, 9, 10 ** 15 - 1].map((tail) => read(path, { tail })))).toEqual([
      '',
      'd',
      'c\nd',
      'b\nc\nd',
      'a\nb\nc\nd',
      'a\nb\nc\nd',
      'a\nb\nc\nd',
    ]);
    expect(await read(await logOf('a\n\n\n'), { tail: 2 })).toBe('\n\n');
    expect(await read(await logOf('a\nb', 'c\nd\n'), { tail: 2 })).toBe('bc\nd\n');
  });

  it('is what `tail -n` says, for any bytes and any cut into files', async () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each.map((byte) => (byte % 4 === 0 ? 10 : byte))));
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 3 }), fc.nat({ max: 12 }), async (parts, tail) => {
        const log = await logOf(...parts);
        const lines =
          Buffer.concat(parts)
            .toString('latin1')
            .match(/[^\n]*\n|[^\n]+$/g) ?? [];
        expect(await read(log, { tail })).toBe(tail === 0 ? '' : lines.slice(-tail).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('holds lines larger than any block, and bytes that are no text', async () => {
    const huge = 'x'.repeat(200_000);
    const path = await logOf(`first\n${huge}\n`, Buffer.from([0, 255, 254, 10, 0x1b, 0x5b, 10]));
    expect(await read(path, { tail: 2 })).toBe('\u0000\u00ff\u00fe\n\u001b[\n');
    expect(await read(path, { tail: 3 })).toBe(`${huge}\n\u0000\u00ff\u00fe\n\u001b[\n`);
  });

  it('is the incarnation before the last, wherever its files end', async () => {
    expect(await read(await logOf(`${mark(1)}a\n`), { previous: true })).toBeNull();
    expect(await read(await logOf('no mark\n'), { previous: true })).toBeNull();
    const one = await logOf(`${mark(1)}a\n${mark(2)}b\n${mark(3)}c\n`);
    expect(await read(one, { previous: true })).toBe(`${mark(2)}b\n`);
    const over = await logOf(`${mark(1)}a\n${mark(2)}b\n`, 'more of b\n', `${mark(3)}c\n`);
    expect(await read(over, { previous: true })).toBe(`${mark(2)}b\nmore of b\n`);
    expect(await read(over, { previous: true, tail: 1 })).toBe('more of b\n');
    expect(await read(await logOf(mark(1), mark(2)), { previous: true })).toBe(mark(1));
  });

  it('goes by its own marks at the beginning of a line, also where one lies across two blocks', async () => {
    const filler = 'y'.repeat(64 * 1024 - 11);
    const text = `${mark(1)}said: ${mark(7)}${mark(9, 'chat/r01')}${filler}\n${mark(2)}`;
    for (const shift of [0, 1, 2, 20, 40, 60, 90]) {
      const padded = text.replace(filler, filler.slice(shift));
      expect(await read(await logOf(padded), { previous: true })).toBe(padded.slice(0, -mark(2).length));
    }
  });
});

describe('what is there', () => {
  it('is read to its end where it is rotated under its reader, and no further', async () => {
    const whole = ['old', 'middle', 'new'].map((word) => `${word}\n`.repeat(40_000));
    const path = await logOf(...whole);
    const pieces = await readLog(path, everything);
    const read: Buffer[] = [];
    for await (const piece of pieces ?? []) {
      read.push(piece);
      if (read.length % 5 !== 1) continue;
      await appendFile(path, 'it came later\n');
      if (read.length % 2 === 1) await cut(path);
      else {
        shift(path);
        await rename(path, `${path}.1`);
        await writeFile(path, 'another file\n');
      }
    }
    expect(Buffer.concat(read).toString() === whole.join('')).toBe(true);
  });

  it('is told once where a log has been copied, and is still to be emptied', async () => {
    const path = await logOf('a\n', `b\n${'x'.repeat(100_000)}\nc\n`);
    const before = await read(path);
    await cut(path, async () => {
      expect((await read(path)) === before).toBe(true);
      expect(await read(path, { tail: 1 })).toBe('c\n');
      await appendFile(path, 'd\n');
      expect(await read(path)).toBe(`${before}d\n`);
    });
    // That was not copied; a log that was emptied is not taken for one that was not.
    expect((await read(path)) === before).toBe(true);
    await appendFile(path, `z\n${'x'.repeat(100_000)}\nc\n`);
    expect((await read(path))?.length).toBe((before?.length ?? 0) + 100_005);
  });

  it('may be taken away while it is read', async () => {
    const path = await logOf('x'.repeat(500_000));
    const pieces = await readLog(path, everything);
    expect((await pieces?.next())?.value.length).toBeGreaterThan(0);
    truncateSync(path);
    for await (const _ of pieces ?? []);
  });
});

describe('following', () => {
  type Followed = { readonly heard: () => string; readonly ended: Promise<void>; readonly stop: AbortController };

  function follow(path: string, more: Partial<Selection> = {}): Followed {
    const stop = new AbortController();
    let heard = '';
    const ended = (async () => {
      for await (const piece of followLog(path, { ...everything, ...more }, { signal: stop.signal, everyMs: 2 }))
        heard += piece.toString('latin1');
    })();
    onTestFinished(() => stop.abort());
    return { heard: () => heard, ended, stop };
  }

  it('begins with the selection, goes on with what comes, and ends when it is told to', async () => {
    const path = await logOf('old\n', 'a\nb\n');
    const followed = follow(path, { tail: 1 });
    await until(() => followed.heard() === 'b\n');
    await appendFile(path, 'c');
    await appendFile(path, '\nd\n');
    await until(() => followed.heard() === 'b\nc\nd\n');
    followed.stop.abort();
    await followed.ended;
  });

  it('tells every line once over copying and emptying, also where more has come since than there was', async () => {
    const log = await logOf('older\n', 'a\n');
    const followed = follow(log, { tail: 2 });
    await until(() => followed.heard() === 'older\na\n');
    await appendFile(log, 'b\n');
    await cut(log);
    await appendFile(log, 'much more than there was before\n');
    await until(() => followed.heard() === 'older\na\nb\nmuch more than there was before\n');
  });

  it('tells every line once over many rotations of both kinds between two looks', async () => {
    const log = await logOf('0\n');
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const heard: string[] = [];
    const following = followLog(log, everything, { signal: stop.signal, everyMs: 60_000 });
    heard.push(String((await following.next()).value));
    // It is asked for nothing more before all of this has happened.
    await appendFile(log, '1\n');
    await cut(log);
    await appendFile(log, '2, longer than all before it\n');
    await cut(log);
    await appendFile(log, '3\n');
    shift(log);
    await rename(log, `${log}.1`);
    await writeFile(log, '4\n');
    while (heard.join('').split('\n').length < 6) heard.push(String((await following.next()).value));
    await following.return(undefined);
    expect(heard.join('')).toBe('0\n1\n2, longer than all before it\n3\n4\n');
  });

  it('tells every line once also where it is rotated in the middle of a look', async () => {
    const log = await logOf('0\n');
    const followed = follow(log);
    for (let n = 1; n <= 150; n += 1) {
      await appendFile(log, `${n}\n`);
      if (n % 3 > 0) await until(() => followed.heard().endsWith(`\n${n}\n`));
      await turns(n % 7);
      await cut(log, n % 2 > 0 ? () => new Promise((resolve) => setTimeout(resolve, n % 10)) : null);
      await until(() => followed.heard().endsWith(`\n${n}\n`));
    }
    expect(followed.heard().split('\n').slice(0, -1).map(Number)).toEqual(Array.from({ length: 151 }, (_, n) => n));
  });

  it('tells only what is new where no line is asked for', async () => {
    const path = await logOf('a\n');
    const followed = follow(path, { tail: 0 });
    await until(async () => {
      await appendFile(path, 'b\n');
      return followed.heard().length > 0;
    });
    expect(followed.heard()).toMatch(/^(b\n)+$/);
  });

  it('reads the old file to its end when it is put by, then the new one from its beginning', async () => {
    const path = await logOf(`${mark(1)}a\n`);
    const followed = follow(path);
    await until(() => followed.heard().endsWith('a\n'));
    await appendFile(path, 'last of 1\n');
    await rename(path, `${path}.1`);
    await writeFile(path, mark(2));
    await until(() => followed.heard().endsWith(mark(2)));
    await appendFile(path, 'b\n');
    await until(() => followed.heard().endsWith('b\n'));
    expect(followed.heard()).toBe(`${mark(1)}a\nlast of 1\n${mark(2)}b\n`);
  });

  it('goes on at the beginning of a file that was emptied', async () => {
    const path = await logOf('a long first text\n');
    const followed = follow(path);
    await until(() => followed.heard() === 'a long first text\n');
    await truncate(path, 0);
    // What it has written since must be less than there was, or nobody could know.
    await appendFile(path, 'b\n');
    await until(() => followed.heard() === 'a long first text\nb\n');
  });

  it('waits for a file that is not there yet, and over the time between two', async () => {
    const dir = await scratchDir();
    const path = join(dir, 'r0.log');
    const followed = follow(path);
    await writeFile(path, 'a\n');
    await until(() => followed.heard() === 'a\n');
    await rm(path);
    await writeFile(path, 'b\n');
    await until(() => followed.heard() === 'a\nb\n');
  });

  it('tells everything once where its file comes, or is put by, while it begins', async () => {
    const path = join(await scratchDir(), 'r0.log');
    for (let n = 1; n <= 200; n += 1) {
      if (n % 2 === 0) await rm(path);
      const followed = follow(path, { tail: 1 });
      await turns(n % 8);
      if (n % 2 === 1 && n > 1) await rename(path, `${path}.1`);
      await writeFile(path, `${n}\n`);
      await until(() => followed.heard().endsWith(`${n}\n`));
      await appendFile(path, 'end\n');
      await until(() => followed.heard().endsWith('end\n'));
      followed.stop.abort();
      await followed.ended;
      expect(followed.heard()).toMatch(new RegExp(`^(${n - 1}\n|end\n)?${n}\nend\n$`));
    }
  });

  it('is over at once where there is nothing to follow, or it was told before', async () => {
    const followed = follow(await logOf('a\n'));
    followed.stop.abort();
    await followed.ended;
  });
});

describe('over the API', () => {
  it('is plain bytes, chosen by the query', async () => {
    const path = await logOf(`${mark(1)}a\n${mark(2)}`, Buffer.from('b\nc\n\u00ff', 'latin1'));
    const stand = await openStand({ log: path });
    const url = '/v2/pools/chat/replicas/r0/logs';
    const whole = await ask(stand, { path: url });
    expect(whole.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(whole.text).toBe(`${mark(1)}a\n${mark(2)}b\nc\n\ufffd`);
    expect((await ask(stand, { path: `${url}?tail=2` })).text).toBe('c\n\ufffd');
    expect((await ask(stand, { path: `${url}?previous=1` })).text).toBe(`${mark(1)}a\n`);
    expect((await ask(stand, { path: `${url}?previous&follow=true` })).text).toBe(`${mark(1)}a\n`);
    expect((await ask(stand, { path: `${url}?follow=0&tail=0` })).text).toBe('');
    for (const query of ['tail=-1', 'tail=all', 'follow=2', 'previous=yes'])
      expect(await ask(stand, { path: `${url}?${query}` })).toMatchObject({
        status: 400,
        json: { error: { code: 'INVALID_PARAMS' } },
      });
  });

  it('is followed until the reader goes, or the server ends', async () => {
    const path = await logOf('a\n');
    const stand = await openStand({ log: path });
    const get = 'GET /v2/pools/chat/replicas/r0/logs?follow=1 HTTP/1.0\r\n\r\n';
    const [gone, stays] = [await dial(stand, get), await dial(stand, get)];
    await Promise.all([gone.hears(/\r\n\r\na\n$/), stays.hears(/\r\n\r\na\n$/)]);
    gone.socket.destroy();
    await appendFile(path, 'b\n');
    await stays.hears(/b\n$/);
    await stand.server.close();
    expect(await stays.all()).toMatch(/\r\n\r\na\nb\n$/);
  });

  it('waits for a reader that is slow, and lets go of one that never reads', async () => {
    const path = await logOf('x'.repeat(8 * 1024 * 1024));
    const stand = await openStand({ log: path });
    const get = 'GET /v2/pools/chat/replicas/r0/logs HTTP/1.0\r\n\r\n';
    const [slow, never] = [await dial(stand), await dial(stand)];
    for (const { socket } of [slow, never]) {
      socket.once('data', () => socket.pause());
      socket.write(get);
    }
    await Promise.all([slow, never].map((wire) => wire.hears(/200 OK/)));
    slow.socket.resume();
    expect((await slow.all()).length).toBeGreaterThan(8 * 1024 * 1024);
    never.socket.destroy();
  });

  it('of a file that cannot be read is our failure, told as such', async () => {
    const dir = await scratchDir();
    await mkdir(join(dir, 'r0.log'));
    const stand = await openStand({ log: join(dir, 'r0.log') });
    expect(await ask(stand, { path: '/v2/pools/chat/replicas/r0/logs?tail=3' })).toMatchObject({ status: 500 });
    await until(() => stand.bugs.length > 0);
    expect(stand.bugs.splice(0)).toMatchObject([{ code: 'EISDIR' }]);
  });
});
