/** The token, given or in a file that changes. */

import { chmod, mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixedToken, type Token, type TokenRead, tokenInFile } from '../../src/api/bearer.js';
import { scratchDir } from '../host/scratch.js';

const uid = process.getuid?.() ?? 0;

function tokenOf(read: TokenRead): Token {
  if (!read.ok) throw new Error(read.why);
  return read.token;
}

async function written(text: string, mode = 0o600): Promise<string> {
  const path = join(await scratchDir(), 'token');
  await writeFile(path, text, { mode });
  await chmod(path, mode);
  return path;
}

test('one that is given fits itself and nothing else', async () => {
  const token = tokenOf(fixedToken('s3cret'));
  expect(await token.check('s3cret')).toEqual({ ok: true, trouble: null });
  for (const sent of ['', 's3cre', 's3crets', 'S3cret', 's3cret '])
    expect(await token.check(sent), sent).toEqual({ ok: false, trouble: null });
});

test.each(['a b', 'a\nb', 'é', ' a', '\u0000'])('%j is no token', (text) => {
  expect(fixedToken(text)).toEqual({ ok: false, why: 'it must be one word of visible ASCII characters' });
});

test('one in a file stands without the white space around it, also behind a link', async () => {
  const path = await written('  s3cret\n\n');
  const link = `${path}.link`;
  await symlink(path, link);
  for (const each of [path, link]) expect((await tokenOf(await tokenInFile(each, uid)).check('s3cret')).ok).toBe(true);
});

test('a file that others could read or change holds none', async () => {
  for (const mode of [0o604, 0o602, 0o620, 0o666, 0o644]) {
    const why = `others may read or write it (mode 0${mode.toString(8)}, not 0600)`;
    expect(await tokenInFile(await written('s3cret', mode), uid)).toEqual({ ok: false, why });
  }
  for (const mode of [0o600, 0o400, 0o640, 0o440]) expect((await tokenInFile(await written('s3cret', mode), uid)).ok).toBe(true);
  const path = await written('s3cret');
  const isRoot = uid === 0;
  const stranger = await tokenInFile(path, uid + 1);
  // What belongs to root is nobody's who could change it.
  expect(stranger).toEqual(
    isRoot ? { ok: true, token: expect.anything() } : { ok: false, why: `it belongs to uid ${uid}, and this is uid ${uid + 1}` },
  );
});

test('what is no file, or holds no word, is no token, and is not waited for', async () => {
  const dir = await scratchDir();
  expect(await tokenInFile(join(dir, 'none'), uid)).toEqual({ ok: false, why: 'there is no such file' });
  await mkdir(join(dir, 'directory'), { mode: 0o700 });
  expect(await tokenInFile(join(dir, 'directory'), uid)).toEqual({ ok: false, why: 'it is no file' });
  expect(await tokenInFile('/dev/zero', uid)).toEqual({ ok: false, why: 'it is no file' });
  for (const text of ['', '\n', 'two words', 'é'])
    expect(await tokenInFile(await written(text), uid)).toMatchObject({ ok: false, why: expect.stringContaining('one word') });
  expect(await tokenInFile(await written('x'.repeat(5000)), uid)).toEqual({ ok: false, why: 'it has more than 4096 bytes' });
});

test('another token in the file counts at once, and the old one no more; without one nobody is let in', async () => {
  const path = await written('first');
  const token = tokenOf(await tokenInFile(path, uid));
  expect((await token.check('first')).ok).toBe(true);

  await writeFile(`${path}.new`, 'second', { mode: 0o600 });
  await rename(`${path}.new`, path);
  expect((await token.check('first')).ok).toBe(false);
  expect((await token.check('second')).ok).toBe(true);

  await chmod(path, 0o644);
  expect(await token.check('second')).toMatchObject({ ok: false, trouble: expect.stringContaining('others may read') });
  await chmod(path, 0o600);
  expect((await token.check('second')).ok).toBe(true);

  await writeFile(path, '');
  for (const sent of ['second', ''])
    expect(await token.check(sent)).toMatchObject({ ok: false, trouble: expect.stringContaining('one word') });
  await unlink(path);
  expect(await token.check('second')).toEqual({ ok: false, trouble: 'there is no such file' });
  await writeFile(path, 'third', { mode: 0o600 });
  expect((await token.check('third')).ok).toBe(true);
});
