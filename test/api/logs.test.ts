/** Engine logs from real files: what is selected, and what is followed over rotation, truncation and new incarnations. */

import { appendFile, copyFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { followLog, readRanges, type Selection, selectLog } from '../../src/api/logs.js';
import { scratchDir, until } from '../host/scratch.js';
import fc from '../rig/chance.js';
import { ask, dial, openStand } from './stand.js';

const key = 'chat/r0';
const mark = (n: number, of = key): string => `--- poolctl: ${of} incarnation ${n} 2026-01-01T00:00:00.000Z\n`;
const everything: Selection = { key, tail: null, previous: false };

/** Files as they are named: newest first. `texts` are given oldest first. */
async function logOf(...texts: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const path = join(await scratchDir(), 'r0.log');
  const files = texts.map((_, n) => (n === 0 ? path : `${path}.${n}`));
  await Promise.all(files.map((file, n) => writeFile(file, texts[texts.length - 1 - n] ?? '')));
  return files.length === 0 ? [path] : files;
}

async function read(files: readonly string[], more: Partial<Selection> = {}): Promise<string | null> {
  const ranges = await selectLog(files, { ...everything, ...more });
  if (ranges === null) return null;
  const pieces: Buffer[] = [];
  for await (const piece of readRanges(ranges)) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

describe('a selection', () => {
  it('is everything, oldest first, over the files that are there', async () => {
    const files = await logOf('one\n', 'two\n', 'three\n');
    expect(await read(files)).toBe('one\ntwo\nthree\n');
    await rm(files[1] ?? '');
    expect(await read(files)).toBe('one\nthree\n');
    expect(await read([])).toBe('');
    expect(await read([join(await scratchDir(), 'none.log')], { tail: 5 })).toBe('');
  });

  it('is the last lines, over files, and a last line without its end counts', async () => {
    const files = await logOf('a\nb\n', '', 'c\nd');
    expect(await Promise.all([0, 1, 2, 3, 4, 9, 10 ** 15 - 1].map((tail) => read(files, { tail })))).toEqual([
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
        const dir = await scratchDir();
        const files = parts.map((_, n) => join(dir, `${parts.length - 1 - n}`));
        await Promise.all(parts.map((part, n) => writeFile(files[n] ?? '', part)));
        const lines =
          Buffer.concat(parts)
            .toString('latin1')
            .match(/[^\n]*\n|[^\n]+$/g) ?? [];
        expect(await read([...files].reverse(), { tail })).toBe(tail === 0 ? '' : lines.slice(-tail).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('holds lines larger than any block, and bytes that are no text', async () => {
    const huge = 'x'.repeat(200_000);
    const files = await logOf(`first\n${huge}\n`, Buffer.from([0, 255, 254, 10, 0x1b, 0x5b, 10]));
    expect(await read(files, { tail: 2 })).toBe('\u0000\u00ff\u00fe\n\u001b[\n');
    expect(await read(files, { tail: 3 })).toBe(`${huge}\n\u0000\u00ff\u00fe\n\u001b[\n`);
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

describe('following', () => {
  type Followed = { readonly heard: () => string; readonly ended: Promise<void>; readonly stop: AbortController };

  function follow(files: readonly string[], more: Partial<Selection> = {}): Followed {
    const stop = new AbortController();
    let heard = '';
    const ended = (async () => {
      for await (const piece of followLog(files, { ...everything, ...more }, { signal: stop.signal, everyMs: 2 }))
        heard += piece.toString('latin1');
    })();
    onTestFinished(() => stop.abort());
    return { heard: () => heard, ended, stop };
  }

  it('begins with the selection, goes on with what comes, and ends when it is told to', async () => {
    const files = await logOf('old\n', 'a\nb\n');
    const followed = follow(files, { tail: 1 });
    await until(() => followed.heard() === 'b\n');
    await appendFile(files[0] ?? '', 'c');
    await appendFile(files[0] ?? '', '\nd\n');
    await until(() => followed.heard() === 'b\nc\nd\n');
    followed.stop.abort();
    await followed.ended;
  });

  /** As the supervisor does it: what would be `.4` goes. */
  async function shift(log: string): Promise<void> {
    for (const n of [3, 2, 1]) await rename(`${log}.${n}`, `${log}.${n + 1}`).catch(() => undefined);
    await rm(`${log}.4`, { force: true });
  }

  async function cut(log: string): Promise<void> {
    await copyFile(log, `${log}.copy`);
    await shift(log);
    await rename(`${log}.copy`, `${log}.1`);
    await truncate(log);
  }

  it('tells every line once over copying and emptying, also where more has come since than there was', async () => {
    const files = await logOf('older\n', 'a\n');
    const log = files[0] ?? '';
    const followed = follow(files, { tail: 2 });
    await until(() => followed.heard() === 'older\na\n');
    await appendFile(log, 'b\n');
    await cut(log);
    await appendFile(log, 'much more than there was before\n');
    await until(() => followed.heard() === 'older\na\nb\nmuch more than there was before\n');
  });

  it('tells every line once over many rotations of both kinds between two looks', async () => {
    const log = (await logOf('0\n'))[0] ?? '';
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const heard: string[] = [];
    const following = followLog([log], everything, { signal: stop.signal, everyMs: 60_000 });
    heard.push(String((await following.next()).value));
    // It is asked for nothing more before all of this has happened.
    await appendFile(log, '1\n');
    await cut(log);
    await appendFile(log, '2, longer than all before it\n');
    await cut(log);
    await appendFile(log, '3\n');
    await shift(log);
    await rename(log, `${log}.1`);
    await writeFile(log, '4\n');
    while (heard.join('').split('\n').length < 6) heard.push(String((await following.next()).value));
    await following.return(undefined);
    expect(heard.join('')).toBe('0\n1\n2, longer than all before it\n3\n4\n');
  });

  it('tells only what is new where no line is asked for', async () => {
    const files = await logOf('a\n');
    const followed = follow(files, { tail: 0 });
    await until(async () => {
      await appendFile(files[0] ?? '', 'b\n');
      return followed.heard().length > 0;
    });
    expect(followed.heard()).toMatch(/^(b\n)+$/);
  });

  it('reads the old file to its end when it is put by, then the new one from its beginning', async () => {
    const files = await logOf(`${mark(1)}a\n`);
    const path = files[0] ?? '';
    const followed = follow(files);
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
    const files = await logOf('a long first text\n');
    const path = files[0] ?? '';
    const followed = follow(files);
    await until(() => followed.heard() === 'a long first text\n');
    await truncate(path, 0);
    // What it has written since must be less than there was, or nobody could know.
    await appendFile(path, 'b\n');
    await until(() => followed.heard() === 'a long first text\nb\n');
  });

  it('waits for a file that is not there yet, and over the time between two', async () => {
    const dir = await scratchDir();
    const path = join(dir, 'r0.log');
    const followed = follow([path]);
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
      const followed = follow([path], { tail: 1 });
      for (let turn = n % 8; turn > 0; turn -= 1) await new Promise(setImmediate);
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
    await follow([]).ended;
    const followed = follow(await logOf('a\n'));
    followed.stop.abort();
    await followed.ended;
  });
});

describe('over the API', () => {
  it('is plain bytes, chosen by the query', async () => {
    const files = await logOf(`${mark(1)}a\n${mark(2)}`, Buffer.from('b\nc\n\u00ff', 'latin1'));
    const stand = await openStand({ logs: files });
    const path = '/v2/pools/chat/replicas/r0/logs';
    const whole = await ask(stand, { path });
    expect(whole.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(whole.text).toBe(`${mark(1)}a\n${mark(2)}b\nc\n\ufffd`);
    expect((await ask(stand, { path: `${path}?tail=2` })).text).toBe('c\n\ufffd');
    expect((await ask(stand, { path: `${path}?previous=1` })).text).toBe(`${mark(1)}a\n`);
    expect((await ask(stand, { path: `${path}?previous&follow=true` })).text).toBe(`${mark(1)}a\n`);
    expect((await ask(stand, { path: `${path}?follow=0&tail=0` })).text).toBe('');
    for (const query of ['tail=-1', 'tail=all', 'follow=2', 'previous=yes'])
      expect(await ask(stand, { path: `${path}?${query}` })).toMatchObject({
        status: 400,
        json: { error: { code: 'INVALID_PARAMS' } },
      });
  });

  it('is followed until the reader goes, or the server ends', async () => {
    const files = await logOf('a\n');
    const stand = await openStand({ logs: files });
    const get = 'GET /v2/pools/chat/replicas/r0/logs?follow=1 HTTP/1.0\r\n\r\n';
    const [gone, stays] = [await dial(stand, get), await dial(stand, get)];
    await Promise.all([gone.hears(/\r\n\r\na\n$/), stays.hears(/\r\n\r\na\n$/)]);
    gone.socket.destroy();
    await appendFile(files[0] ?? '', 'b\n');
    await stays.hears(/b\n$/);
    await stand.server.close();
    expect(await stays.all()).toMatch(/\r\n\r\na\nb\n$/);
  });

  it('waits for a reader that is slow, and lets go of one that never reads', async () => {
    const files = await logOf('x'.repeat(8 * 1024 * 1024));
    const stand = await openStand({ logs: files });
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
    const stand = await openStand({ logs: [join(dir, 'r0.log')] });
    expect(await ask(stand, { path: '/v2/pools/chat/replicas/r0/logs?tail=3' })).toMatchObject({ status: 500 });
    await until(() => stand.bugs.length > 0);
    expect(stand.bugs.splice(0)).toMatchObject([{ code: 'EISDIR' }]);
  });
});
