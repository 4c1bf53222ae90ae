import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { findGguf } from '../../src/models/search.js';
import { scratchDir } from '../host/scratch.js';

async function made(...files: readonly string[]): Promise<string> {
  const dir = await scratchDir();
  for (const file of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), file);
  }
  return dir;
}

async function found(dir: string, roots: readonly string[] = [dir], depth = 4) {
  const { files, whole } = await findGguf({ roots, depth, late: new AbortController().signal });
  expect(whole).toBe(true);
  return files.map(({ path }) => path.slice(dir.length + 1));
}

it('finds GGUF files down to a depth, and neither what hides nor what is something else', async () => {
  const dir = await made(
    'a.gguf',
    'B.GGUF',
    'notes.txt',
    '.git/c.gguf',
    '1/2/3/4/d.gguf',
    '1/2/3/4/5/e.gguf',
    'mmproj-x.gguf',
    'x-mmproj-f16.gguf',
  );
  await mkdir(join(dir, 'folder.gguf'));
  expect(await found(dir)).toEqual(['1/2/3/4/d.gguf', 'B.GGUF', 'a.gguf']);
});

it('a model in parts is one, with all its bytes and the names of what is missing', async () => {
  const dir = await made('m-00001-of-00003.gguf', 'm-00002-of-00003.gguf');
  const { files } = await findGguf({ roots: [dir], depth: 0, late: new AbortController().signal });
  const name = 'm-00001-of-00003.gguf';
  expect(files).toEqual([
    {
      path: join(dir, name),
      bytes: 2 * name.length,
      parts: [1, 2, 3].map((n) => join(dir, `m-0000${n}-of-00003.gguf`)),
      missing: ['m-00003-of-00003.gguf'],
    },
  ]);
});

it('finds a file once, whatever its names, and follows links without going round in them', async () => {
  const dir = await made('blobs/abc', 'snapshots/one/x');
  await symlink('../../blobs/abc', join(dir, 'snapshots/one/m.gguf'));
  await link(join(dir, 'blobs/abc'), join(dir, 'z.gguf'));
  await symlink('..', join(dir, 'snapshots/round'));
  await symlink(join(dir, 'snapshots'), join(dir, 'again'));
  expect(await found(dir)).toEqual(['z.gguf']);
  expect(await found(dir, [join(dir, 'nowhere'), join(dir, 'snapshots')])).toEqual(['snapshots/one/m.gguf']);
});

it('ends when it is told to, with what it has', async () => {
  const dir = await made('a.gguf');
  expect(await findGguf({ roots: [dir], depth: 4, late: AbortSignal.abort() })).toEqual({ files: [], whole: false });
});
