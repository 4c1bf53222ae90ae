/**
 * What stands before the engine's own argv, so that it starts with no more rights than it needs. Each link executes the next, so the pid stays
 * the engine's. A link costs about a millisecond of a respawn: what a pool does not need is not there. There is no `sh` in it: the umask and the
 * OOM score need none (see launcher.ts), and a shell would drop variables whose names it does not like.
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

/** A user that the machine's own files do not know by number (it came from a name service) has its groups named one by one. */
function groupsOf({ gid, gids }: EngineUser): readonly string[] {
  return ['--groups', [...new Set([gid, ...gids])].join(',')];
}

function named(isolate: PoolSpec['isolate'], user: EngineUser | null): string {
  if (user !== null) return `user: ${user.name}`;
  if (isolate.noNewPrivs) return 'isolate.no_new_privs';
  return isolate.dropCapabilities ? 'isolate.drop_capabilities' : 'isolate.die_with_supervisor';
}
