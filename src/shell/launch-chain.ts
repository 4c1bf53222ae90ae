/**
 * What stands before the engine's own argv, so that it starts with no more rights than it needs. Each link executes the next, so the pid stays
 * the engine's. A link costs about a millisecond of a respawn: what a pool does not need is not there. The umask and the OOM score need none
 * (see launcher.ts); who is to join a cgroup before anything of the engine runs needs a shell.
 */

import type { PoolSpec, Result } from '../core/model.js';
import type { EngineUser, Ourselves } from '../host/users.js';

export type Wish = { readonly isolate: PoolSpec['isolate']; readonly user: EngineUser | null };

/** The arguments before the engine's argv; empty when nothing is to be set. `setpriv` is that program's path, null where there is none. */
export function launchChain({ isolate, user }: Wish, us: Ourselves, setpriv: string | null): Result<readonly string[], string> {
  const flags = [
    ...(isolate.noNewPrivs ? ['--no-new-privs'] : []),
    ...(isolate.dropCapabilities && us.capable ? ['--inh-caps=-all', '--ambient-caps=-all'] : []),
    ...(isolate.dropCapabilities && us.capable && us.canDropBounds ? ['--bounding-set=-all'] : []),
    ...(user === null ? [] : ['--reuid', String(user.uid), '--regid', String(user.gid), ...groupsOf(user)]),
    ...(isolate.dieWithSupervisor ? ['--pdeathsig', 'KILL'] : []),
  ];
  if (flags.length === 0) return { ok: true, value: [] };
  if (setpriv === null) return { ok: false, error: `setpriv is not on PATH, and ${named(isolate, user)} needs it` };
  return { ok: true, value: [setpriv, ...flags, '--'] };
}

/**
 * Lets what follows join a cgroup by its `cgroup.procs`, or go on without where that fails. `env` is what the engine is to get. A shell drops
 * variables whose names it could not use itself, all but bash: null where there are such and no `bash` (a path), since an engine's environment is
 * not changed for its cgroup. A shell also puts its own directory into PWD.
 */
export function joinChain(
  procs: string,
  env: Readonly<Record<string, string>>,
  bash: string | null,
): readonly [string, ...string[]] | null {
  const plain = Object.keys(env).every((name) => /^[A-Za-z_]\w*$/.test(name));
  if (!plain && bash === null) return null;
  // Without --posix, bash would run what BASH_ENV names, as the supervisor's user.
  const shell = plain || bash === null ? (['/bin/sh'] as const) : ([bash, '--posix'] as const);
  const { PWD: directory } = env;
  return directory === undefined
    ? [...shell, '-c', `${join}; unset PWD; shift; exec "$@"`, 'poolctl', procs]
    : [...shell, '-c', `${join}; PWD=$2; shift 2; exec "$@"`, 'poolctl', procs, directory];
}

/** What the kernel may say against it is no word of the engine, and has no place in its log. */
const join = '{ echo 0 >"$1"; } 2>/dev/null';

/** A user that the machine's own files do not know by number (it came from a name service) has its groups named one by one. */
function groupsOf({ gid, gids }: EngineUser): readonly string[] {
  return ['--groups', [...new Set([gid, ...gids])].join(',')];
}

function named(isolate: PoolSpec['isolate'], user: EngineUser | null): string {
  if (user !== null) return `user: ${user.name}`;
  if (isolate.noNewPrivs) return 'isolate.no_new_privs';
  return isolate.dropCapabilities ? 'isolate.drop_capabilities' : 'isolate.die_with_supervisor';
}
