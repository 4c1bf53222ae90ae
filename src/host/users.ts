/** The engine's user, and what it may do with a file. */

import { constants } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runProgram } from './run.js';

export type EngineUser = { readonly name: string; readonly uid: number; readonly gid: number; readonly gids: readonly number[] };

/** What this process is and may do. `capable`: it has capabilities that an engine could inherit or, being root, regain. */
export type Ourselves = {
  readonly uid: number;
  readonly gids: readonly number[];
  readonly capable: boolean;
  /** Whether we may take capabilities away for good, even from a root engine. */
  readonly canDropBounds: boolean;
};

/** 'self': the engine has all that we have. Else it has these ids and no capability, so that even root is held to the mode bits. */
export type Credential = 'self' | { readonly uid: number; readonly gids: readonly number[] };

export type Access = 'read' | 'execute' | 'enter';

/** Reads what this process is. */
export async function readOurselves(): Promise<Ourselves> {
  const status = await readFile('/proc/self/status', 'latin1');
  const words = (name: string): readonly string[] =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/).filter(Boolean) ?? [];
  const set = (name: string): bigint => BigInt(`0x${words(name)[0] ?? '0'}`);
  const uid = Number(words('Uid')[1]);
  const gid = Number(words('Gid')[1]);
  const capable = set('CapPrm') !== 0n || set('CapAmb') !== 0n || (uid === 0 && set('CapBnd') !== 0n);
  return { uid, gids: [gid, ...words('Groups').map(Number)], capable, canDropBounds: (set('CapEff') & setPcap) !== 0n };
}

/** A user by name or number; null when the machine knows none. Looks in /etc first, then asks the name service. */
export async function lookUpUser(name: string): Promise<EngineUser | null> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const entry = findEntry(passwd, name) ?? findEntry(await ask('getent', ['passwd', name]), name);
  if (entry === null) return null;
  const group = await readFile('/etc/group', 'utf8').catch(() => '');
  return { ...entry, gids: [...new Set([entry.gid, ...groupsOf(group, entry.name)])] };
}

/** The ids that a program has after our launch chain. */
export function credentialOf(us: Ourselves, user: EngineUser | null, dropCapabilities: boolean): Credential {
  if (user !== null) return { uid: user.uid, gids: user.gids };
  return us.capable && dropCapabilities ? { uid: us.uid, gids: us.gids } : 'self';
}

/**
 * Why a path cannot be used so, as a phrase ("there is no such file", "no permission to read it"); null when it can. Judged by mode bits for
 * credentials other than our own: an access list that grants more is not seen here, which is why a caller confirms a refusal.
 */
export async function accessError(
  path: string,
  want: Access,
  who: Credential,
): Promise<{ readonly phrase: string; readonly denied: boolean } | null> {
  if (who === 'self') {
    const mode = want === 'read' ? constants.R_OK : want === 'execute' ? constants.X_OK : constants.R_OK | constants.X_OK;
    return access(path, mode).then(
      () => null,
      (error: NodeJS.ErrnoException) => explain(error, want),
    );
  }
  try {
    const dirs = new Set([...parents(path), ...parents(await realpath(path))]);
    const [target, ...stats] = await Promise.all([stat(path), ...[...dirs].map((dir) => stat(dir))]);
    const shut = [...dirs].find((_, at) => !permits(stats[at], who, 0o1));
    if (shut !== undefined) return { phrase: `no permission to enter ${shut}`, denied: true };
    const bits = want === 'read' ? 0o4 : want === 'execute' ? 0o1 : 0o5;
    return permits(target, who, bits) ? null : { phrase: denial(want), denied: true };
  } catch (error) {
    return explain(error as NodeJS.ErrnoException, want);
  }
}

const setPcap = 1n << 8n;

function findEntry(passwd: string, name: string): Omit<EngineUser, 'gids'> | null {
  for (const line of passwd.split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user !== undefined && user !== '' && (user === name || uid === name))
      return { name: user, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function groupsOf(group: string, name: string): readonly number[] {
  return group.split('\n').flatMap((line) => {
    const [, , gid, members] = line.split(':');
    return gid !== undefined && members?.split(',').includes(name) === true ? [Number(gid)] : [];
  });
}

async function ask(program: string, args: readonly string[]): Promise<string> {
  const run = await runProgram(program, args, { timeoutMs: 2000 });
  return run.ok ? run.value.stdout : '';
}

function parents(path: string): readonly string[] {
  const up = dirname(path);
  return up === path ? [] : [...parents(up), up];
}

function permits(
  stats: { readonly uid: number; readonly gid: number; readonly mode: number } | undefined,
  who: Exclude<Credential, 'self'>,
  bits: number,
): boolean {
  if (stats === undefined) return false;
  const shift = stats.uid === who.uid ? 6 : who.gids.includes(stats.gid) ? 3 : 0;
  return ((stats.mode >> shift) & bits) === bits;
}

function explain(error: NodeJS.ErrnoException, want: Access): { readonly phrase: string; readonly denied: boolean } {
  switch (error.code) {
    case 'ENOENT':
      return { phrase: want === 'enter' ? 'there is no such directory' : 'there is no such file', denied: false };
    case 'ENOTDIR':
      return { phrase: 'a part of the path is not a directory', denied: false };
    case 'EACCES':
      return { phrase: denial(want), denied: true };
    default:
      return { phrase: error.message, denied: false };
  }
}

function denial(want: Access): string {
  return want === 'execute'
    ? 'no permission to run it'
    : want === 'read'
      ? 'no permission to read it'
      : 'no permission to enter it';
}
