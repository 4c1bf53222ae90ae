/**
 * The unified hierarchy of control groups (cgroup v2), as far as a process can reach it: where it stands in it, and who is in a group. Read
 * synchronously: it is kernel memory, some 20 us a file.
 */

import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Result } from '../core/model.js';

/** Where a process stands: `mount` is the top of what can be seen of the hierarchy, `dir` the directory of its group. */
export type Seat = { readonly mount: string; readonly dir: string };

/** An error is a phrase for people. `proc` is where /proc is. */
export function seatOf(pid: number | 'self', proc = '/proc'): Result<Seat, string> {
  const path = /^0::(\/.*)$/m.exec(textOf(join(proc, String(pid), 'cgroup')))?.[1];
  if (path === undefined) return { ok: false, error: 'the kernel tells of no unified cgroup hierarchy' };
  const mounts = textOf(join(proc, 'self', 'mountinfo'))
    .split('\n')
    .flatMap(mountOf);
  const seen = mounts.filter(({ root }) => isBelow(path, root));
  const mount = seen.find(({ readOnly }) => !readOnly);
  if (seen[0] === undefined) return { ok: false, error: 'no cgroup2 file system is mounted that shows the cgroup it is in' };
  if (mount === undefined) return { ok: false, error: `${seen[0].point} is mounted read-only` };
  return { ok: true, value: { mount: mount.point, dir: join(mount.point, relative(mount.root, path)) } };
}

/**
 * Why a process there can give others a group of their own below its own, or cannot, as its files say: a phrase, or null. What a security module
 * or a limit says to it is found out by trying.
 */
export function delegationFlaw({ dir }: Seat): string | null {
  try {
    for (const path of [dir, join(dir, 'cgroup.procs')]) accessSync(path, constants.W_OK);
  } catch {
    return `${dir} is not delegated to this user`;
  }
  const type = textOf(join(dir, 'cgroup.type')).trim();
  return type === '' || type === 'domain' ? null : `${dir} is a cgroup of threads (${type})`;
}

/** The numbers of those who are in a group, or in one below it; empty where it is gone. Whoever is dead is not among them, be he reaped or not. */
export function membersOf(dir: string): readonly number[] {
  // By far the cheapest question, and the one that is asked of the most.
  if (textOf(join(dir, 'cgroup.events')).startsWith('populated 0\n')) return [];
  return treeOf(dir).flatMap(processesIn);
}

/** Those who are in the group itself. */
export function processesIn(dir: string): readonly number[] {
  return textOf(join(dir, 'cgroup.procs'))
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** A group and all below it, the lowest first; empty where it is gone. */
export function treeOf(dir: string): readonly string[] {
  try {
    const below = readdirSync(dir, { withFileTypes: true }).filter((each) => each.isDirectory());
    return [...below.flatMap(({ name }) => treeOf(join(dir, name))), dir];
  } catch {
    return [];
  }
}

type Mount = { readonly root: string; readonly point: string; readonly readOnly: boolean };

/** A line of mountinfo: id, parent, device, root, mount point, options, optional fields, "-", type. */
function mountOf(line: string): readonly Mount[] {
  const [, , , root = '', point = '', options = '', ...rest] = line.split(' ');
  if (rest[rest.indexOf('-') + 1] !== 'cgroup2') return [];
  return [{ root: unescaped(root), point: unescaped(point), readOnly: options.split(',').includes('ro') }];
}

/** Blanks and the like stand there as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Outside of a namespace of cgroups, a path begins with "/..". */
function isBelow(path: string, root: string): boolean {
  return !path.split('/').includes('..') && (root === '/' || path === root || path.startsWith(`${root}/`));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
