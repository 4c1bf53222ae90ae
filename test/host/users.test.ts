import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { accessError, type Credential, credentialOf, lookUpUser, type Ourselves, readOurselves } from '../../src/host/users.js';
import { scratchDir } from './scratch.js';

const rootAgain: Ourselves = { uid: 0, gids: [0], capable: true, canDropBounds: true };

test('users by name and by number; nobody by a name that is none', async () => {
  const root = await lookUpUser('root');
  expect(root).toMatchObject({ name: 'root', uid: 0, gid: 0 });
  expect(await lookUpUser('0')).toEqual(root);
  expect(await lookUpUser('no-such-user-here')).toBeNull();
  expect(await lookUpUser('')).toBeNull();
});

test('this process knows itself', async () => {
  expect(await readOurselves()).toMatchObject({ uid: process.getuid?.(), gids: expect.arrayContaining([process.getgid?.()]) });
});

test('what an engine may do: as we, as root without capabilities, as another', () => {
  const user = { name: 'llm', uid: 7, gid: 8, gids: [8, 44] };
  expect(credentialOf(rootAgain, null, false)).toBe('self');
  expect(credentialOf(rootAgain, null, true)).toEqual({ uid: 0, gids: [0] });
  expect(credentialOf({ ...rootAgain, uid: 1000, capable: false }, null, true)).toBe('self');
  expect(credentialOf(rootAgain, user, false)).toEqual({ uid: 7, gids: [8, 44] });
});

test('mode bits, of the file and of every directory before it, for owner, group and others', async () => {
  const dir = await scratchDir();
  await chmod(dir, 0o755);
  const inner = join(dir, 'inner');
  const file = join(inner, 'file');
  await mkdir(inner);
  await writeFile(file, 'x');
  const owner: Credential = { uid: process.getuid?.() ?? 0, gids: [] };
  const group: Credential = { uid: 65_534, gids: [process.getgid?.() ?? 0] };
  const other: Credential = { uid: 65_534, gids: [65_534] };
  const tried = async (dirMode: number, mode: number): Promise<readonly (string | null)[]> => {
    await chmod(inner, dirMode);
    await chmod(file, mode);
    return Promise.all([owner, group, other].map(async (who) => (await accessError(file, 'read', who))?.phrase ?? null));
  };
  const denied = 'no permission to read it';
  expect(await tried(0o755, 0o444)).toEqual([null, null, null]);
  expect(await tried(0o755, 0o640)).toEqual([null, null, denied]);
  expect(await tried(0o755, 0o044)).toEqual([denied, null, null]);
  expect(await tried(0o700, 0o644)).toEqual([null, `no permission to enter ${inner}`, `no permission to enter ${inner}`]);
  await chmod(file, 0o644);
  expect(await accessError(file, 'execute', owner)).toEqual({ phrase: 'no permission to run it', denied: true });
  expect(await accessError(inner, 'enter', owner)).toBeNull();
  expect(await accessError(inner, 'enter', other)).toEqual({ phrase: 'no permission to enter it', denied: true });
});

test('what is not there is no matter of permission', async () => {
  const dir = await scratchDir();
  await writeFile(join(dir, 'file'), '');
  for (const who of ['self', { uid: 0, gids: [] }] as const) {
    expect(await accessError(join(dir, 'none'), 'read', who)).toEqual({ phrase: 'there is no such file', denied: false });
    expect(await accessError(join(dir, 'none'), 'enter', who)).toEqual({ phrase: 'there is no such directory', denied: false });
    expect(await accessError(join(dir, 'file', 'x'), 'read', who)).toEqual({
      phrase: 'a part of the path is not a directory',
      denied: false,
    });
  }
});

test('a group that only membership gives', async () => {
  const dir = await scratchDir();
  await chmod(dir, 0o755);
  const file = join(dir, 'file');
  await writeFile(file, '', { mode: 0o640 });
  const isRoot = process.getuid?.() === 0;
  const gid = isRoot ? 4242 : (process.getgid?.() ?? 0);
  if (isRoot) await chown(file, 0, gid);
  expect(await accessError(file, 'read', { uid: 65_534, gids: [65_534, gid] })).toBeNull();
  expect((await accessError(file, 'read', { uid: 65_534, gids: [65_534] }))?.denied).toBe(true);
});
