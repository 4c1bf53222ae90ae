/** The state directory is ours alone, or not used at all. */

import { chmod, chown, mkdir, realpath, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { placesIn } from '../../src/host/paths.js';
import { prepareStateDir } from '../../src/shell/state-dir.js';
import { scratchDir } from '../host/scratch.js';

const uid = process.getuid?.() ?? 0;
const refused = (what: string) =>
  expect.objectContaining({
    code: 'STATE_DIR_UNSAFE',
    message: expect.stringContaining(what),
    more: { hint: expect.anything() },
  });
const tried = (path: string, as = uid): Promise<unknown> => prepareStateDir(path, as).catch((error: unknown) => error);

test('is made with its parents, 0700 whatever the umask, and taken as it is the next time', async () => {
  const dir = await realpath(await scratchDir());
  const umask = process.umask(0);
  const path = await prepareStateDir(join(dir, 'a', 'b'), uid).finally(() => process.umask(umask));
  expect(path).toBe(join(dir, 'a', 'b'));
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await prepareStateDir(path, uid)).toBe(path);
});

test('may lie behind a link, whose target is then its name; itself it is none', async () => {
  const dir = await realpath(await scratchDir());
  await mkdir(join(dir, 'real'));
  await symlink('real', join(dir, 'link'));
  expect(await prepareStateDir(join(dir, 'link', 'state'), uid)).toBe(join(dir, 'real', 'state'));
  await symlink('real/state', join(dir, 'direct'));
  expect(await tried(join(dir, 'direct'))).toEqual(refused('it is a symbolic link'));
  await symlink('nowhere', join(dir, 'dangling'));
  expect(await tried(join(dir, 'dangling'))).toEqual(refused('it is a symbolic link'));
});

test('is refused where others may use it, where it is another one’s, and where it is none', async () => {
  const dir = await scratchDir();
  const path = join(dir, 'state');
  await mkdir(path);
  for (const mode of [0o710, 0o701, 0o770, 0o777, 0o755]) {
    await chmod(path, mode);
    expect(await tried(path)).toEqual(refused(`others may use it (mode 0${mode.toString(8)}, not 0700)`));
  }
  await chmod(path, 0o700);
  expect(await tried(path, uid + 1)).toEqual(refused(`it belongs to uid ${uid}, and this is uid ${uid + 1}`));
  await writeFile(join(dir, 'file'), '');
  expect(await tried(join(dir, 'file'))).toEqual(refused('it is not a directory'));
  expect(await tried(join(dir, 'file', 'below'))).toEqual(refused('a part of it is not a directory'));
  await symlink('nowhere', join(dir, 'dangling'));
  expect(await tried(join(dir, 'dangling', 'state'))).toEqual(refused('ENOENT'));
  expect(await tried('/proc/poolctl/state')).toEqual(refused('cannot use the state directory "/proc/poolctl/state"'));
});

test('is refused while a place that is used in it leads elsewhere, and says what to move away', async () => {
  const dir = await realpath(await scratchDir());
  const path = await prepareStateDir(join(dir, 'state'), uid);
  await writeFile(join(dir, 'theirs.json'), 'kept');
  const places = placesIn(path);
  expect(places.length).toBeGreaterThan(6);
  for (const place of places) {
    await symlink(dir, place);
    expect(await tried(path)).toMatchObject({
      code: 'STATE_DIR_UNSAFE',
      message: `cannot use the state directory "${path}": "${basename(place)}" in it is a symbolic link`,
      more: { hint: `move it away: mv ${place} ELSEWHERE` },
    });
    await unlink(place);
  }
  // Of what is not ours to use it takes no notice.
  await symlink(dir, join(path, 'notes'));
  expect(await prepareStateDir(path, uid)).toBe(path);
});

test('of another user, or with a place in it that is, is refused to root as well', async ({ skip }) => {
  if (uid !== 0) skip('only root can give a directory away: run this test as root');
  const dir = await scratchDir();
  await chown(dir, 65_534, 65_534);
  expect(await tried(dir)).toEqual(refused('it belongs to uid 65534, and this is uid 0'));
  await chown(dir, 0, 0);
  const registry = join(dir, 'state.json');
  await writeFile(registry, '{}');
  await chown(registry, 65_534, 65_534);
  expect(await tried(dir)).toEqual(refused('"state.json" in it belongs to uid 65534, and this is uid 0'));
});
