import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeWhole } from '../../src/host/whole-file.js';
import { scratchDir } from './scratch.js';

it('writes a new file, and leaves alone what is there: a file, a link that leads nowhere, a directory', async () => {
  const dir = await scratchDir();
  expect(await writeWhole(join(dir, 'new'), 'text')).toBe('written');
  expect(await readFile(join(dir, 'new'), 'utf8')).toBe('text');
  expect(await writeWhole(join(dir, 'new'), 'other')).toBe('there');
  await symlink('nowhere', join(dir, 'link'));
  await mkdir(join(dir, 'folder'));
  for (const name of ['link', 'folder']) expect(await writeWhole(join(dir, name), 'other'), name).toBe('there');
  expect(await readFile(join(dir, 'new'), 'utf8')).toBe('text');
  expect((await readdir(dir)).sort()).toEqual(['folder', 'link', 'new']);
});

it('only one of many who write at the same time has written', async () => {
  const path = join(await scratchDir(), 'raced');
  // Of one process the temporary names are the same: whoever comes second to one fails as well.
  const ends = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => writeWhole(path, `text ${n}`)));
  expect(ends.filter((end) => end.status === 'fulfilled' && end.value === 'written')).toHaveLength(1);
  expect(await readFile(path, 'utf8')).toMatch(/^text \d$/);
});

it('replaces what a link leads to, and keeps the link', async () => {
  const dir = await scratchDir();
  await writeFile(join(dir, 'real'), 'old');
  await symlink('real', join(dir, 'link'));
  expect(await writeWhole(join(dir, 'link'), 'new', { over: true })).toBe('written');
  expect(await readFile(join(dir, 'real'), 'utf8')).toBe('new');
  expect((await readdir(dir)).sort()).toEqual(['link', 'real']);
});

it('leaves nothing behind where it cannot write', async () => {
  const dir = await scratchDir();
  await mkdir(join(dir, 'folder', 'below'), { recursive: true });
  await expect(writeWhole(join(dir, 'folder'), 'text', { over: true })).rejects.toThrow();
  await expect(writeWhole(join(dir, 'nowhere', 'x'), 'text')).rejects.toThrow(/ENOENT/);
  await chmod(dir, 0o755);
  expect(await readdir(dir)).toEqual(['folder']);
});
