/** A hierarchy of control groups as a test writes it: what /proc says of it, and directories that stand for groups. */

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { delegationFlaw, membersOf, seatOf, treeOf } from '../../src/host/cgroups.js';
import { scratchDir } from './scratch.js';

type Said = { readonly cgroup: string; readonly mountinfo: string };

async function seatWhere({ cgroup, mountinfo }: Said) {
  const proc = await scratchDir();
  for (const pid of ['self', '812']) mkdirSync(join(proc, pid));
  writeFileSync(join(proc, '812', 'cgroup'), cgroup);
  writeFileSync(join(proc, 'self', 'mountinfo'), mountinfo);
  return seatOf(812, proc);
}

const unified = '31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
const older = '32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';
const slice = '/user.slice/user-1000.slice/session-3.scope';

test.each<[string, Said, string]>([
  ['all in one', { cgroup: `0::${slice}\n`, mountinfo: unified }, `/sys/fs/cgroup${slice}`],
  [
    'beside the older ones',
    {
      cgroup: '4:memory:/x\n0::/\n',
      mountinfo: `${older}41 31 0:38 / /sys/fs/cgroup/unified rw shared:5 master:1 - cgroup2 cgroup2 rw\n`,
    },
    '/sys/fs/cgroup/unified',
  ],
  ['a part of it', { cgroup: '0::/a/b/c\n', mountinfo: '31 23 0:28 /a/b /cg rw - cgroup2 cgroup2 rw\n' }, '/cg/c'],
  [
    'read-only in one place, and not in another',
    { cgroup: '0::/a\n', mountinfo: `31 23 0:28 / /ro ro - cgroup2 cgroup2 rw\n${unified}` },
    '/sys/fs/cgroup/a',
  ],
  ['a blank in its name', { cgroup: '0::/a\n', mountinfo: '31 23 0:28 / /c\\040g rw - cgroup2 cgroup2 rw\n' }, '/c g/a'],
])('where a process stands: %s', async (_, said, dir) => {
  expect(await seatWhere(said)).toEqual({ ok: true, value: { mount: expect.any(String), dir } });
});

test.each<[string, Said, RegExp]>([
  ['the older hierarchies alone', { cgroup: '4:memory:/x\n', mountinfo: older }, /no unified cgroup hierarchy/],
  ['not mounted', { cgroup: '0::/\n', mountinfo: older }, /^no cgroup2 file system is mounted/],
  ['outside of what is mounted', { cgroup: '0::/ab\n', mountinfo: '31 23 0:28 /a /cg rw - cgroup2 cgroup2 rw\n' }, /^no cgroup2/],
  ['outside of its namespace', { cgroup: '0::/../x\n', mountinfo: unified }, /^no cgroup2/],
  [
    'read-only, as in most containers',
    { cgroup: '0::/\n', mountinfo: '31 23 0:28 / /cg ro,nosuid - cgroup2 cgroup2 rw\n' },
    /^\/cg is mounted read-only$/,
  ],
  ['no /proc', { cgroup: '', mountinfo: '' }, /no unified cgroup hierarchy/],
])('where nobody can be given a group: %s', async (_, said, why) => {
  expect(await seatWhere(said)).toEqual({ ok: false, error: expect.stringMatching(why) });
});

async function group(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await scratchDir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

test('a group of ours may have others below it, unless it is one of threads', async () => {
  const dir = await group({ 'cgroup.procs': '', 'cgroup.type': 'domain\n' });
  expect(delegationFlaw({ mount: dir, dir })).toBeNull();
  writeFileSync(join(dir, 'cgroup.type'), 'domain threaded\n');
  expect(delegationFlaw({ mount: dir, dir })).toBe(`${dir} is a cgroup of threads (domain threaded)`);
  rmSync(join(dir, 'cgroup.procs'));
  expect(delegationFlaw({ mount: dir, dir })).toBe(`${dir} is not delegated to this user`);
});

test.skipIf(process.getuid?.() === 0)('one of somebody else may not', async () => {
  const dir = await group({ 'cgroup.procs': '' });
  chmodSync(dir, 0o500);
  expect(delegationFlaw({ mount: dir, dir })).toBe(`${dir} is not delegated to this user`);
  chmodSync(dir, 0o700);
});

test('who is in a group: those below it too, and nobody once it is gone', async () => {
  const dir = await group({ 'cgroup.procs': '812\n813\n', 'sub/cgroup.procs': '814\n', 'sub/lower/cgroup.procs': '' });
  expect(membersOf(dir)).toHaveLength(3);
  expect(new Set(membersOf(dir))).toEqual(new Set([812, 813, 814]));
  expect(treeOf(dir)).toEqual([join(dir, 'sub/lower'), join(dir, 'sub'), dir]);
  expect(membersOf(join(dir, 'gone'))).toEqual([]);
  writeFileSync(join(dir, 'cgroup.events'), 'populated 0\nfrozen 0\n');
  expect(membersOf(dir)).toEqual([]);
});
