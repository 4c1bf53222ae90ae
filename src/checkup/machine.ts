/** Whether the machine lets engines run as they should: limits, helpers, logs, disk, and who ends them at a logout. */

import { type Check, fine, wrong } from './check.js';

/** Null: unlimited. */
export type Limit = { readonly soft: number | null; readonly hard: number | null };

export type MachineFacts = {
  /** `why` there are no cgroups for engines, as far as that can be seen; null where nothing speaks against them. */
  readonly containment: { readonly level: 'cgroup' | 'group'; readonly why: string | null };
  /** Helper programs that are not on PATH. */
  readonly missing: readonly string[];
  readonly limits: { readonly openFiles: Limit; readonly processes: Limit; readonly lockedBytes: Limit };
  /** Pools whose args lock the model in memory. */
  readonly locking: readonly string[];
  /** How the kernel's log is read; null where it may not be. */
  readonly kernelLog: string | null;
  readonly session: {
    readonly systemd: boolean;
    readonly root: boolean;
    /** Whether this user's things outlive a logout. */
    readonly lingers: boolean;
    /** Whether the socket lies where a logout removes it. */
    readonly socketGoes: boolean;
  };
  readonly disk: {
    /** The state directory, or what of its path is there. */
    readonly path: string;
    readonly freeBytes: number | null;
    /** What the logs of all replicas and the journal can grow to; null without an inventory. */
    readonly logBytes: number | null;
  };
};

export function checkMachine(facts: MachineFacts): readonly Check[] {
  const { limits, locking } = facts;
  return [
    checkContainment(facts),
    checkCount('open-files', 'open files', limits.openFiles.hard, 'ulimit -Hn', 'LimitNOFILE=65536'),
    checkCount(
      'processes',
      'processes and threads',
      limits.processes.soft,
      'ulimit -u',
      'TasksMax=infinity and LimitNPROC=infinity',
    ),
    checkLocking(limits.lockedBytes.hard, locking),
    checkKernelLog(facts.kernelLog),
    checkSession(facts.session),
    checkDisk(facts.disk),
  ];
}

function checkContainment({ containment: { level, why }, missing, session }: MachineFacts): Check {
  const name = 'containment';
  const means = {
    cgroup: 'cgroup: whatever an engine forks stays with it',
    group: `group: process groups, and a look for strays by instance and log${why === null ? '' : `; no cgroups: ${why}`}`,
  }[level];
  if (missing.includes('setpriv'))
    return wrong(
      name,
      `${means}; setpriv is not on PATH, and without it no engine can be isolated`,
      'apt-get install util-linux',
    );
  const rest = missing.filter((each) => each !== 'setpriv');
  if (rest.length > 0) return fine(name, `${means}; not on PATH: ${rest.join(', ')}`, 'apt-get install util-linux procps');
  if (level === 'cgroup' || !session.systemd) return fine(name, means);
  const run = `systemd-run ${session.root ? '' : '--user '}--scope -p Delegate=yes poolctl up`;
  return fine(name, means, `run it as a unit with Delegate=yes (see systemd/), or ${run}`);
}

/** A vLLM over several GPUs has some thousand threads and descriptors. */
const enough = 4096;

function checkCount(name: string, what: string, limit: number | null, ask: string, unit: string): Check {
  if (limit === null) return fine(name, 'unlimited');
  return limit >= enough
    ? fine(name, `at most ${limit}`)
    : wrong(
        name,
        `at most ${limit} ${what}, and large engines need ${enough}`,
        `raise it (${ask}; in a unit: ${unit}; else /etc/security/limits.conf)`,
      );
}

function checkLocking(limit: number | null, locking: readonly string[]): Check {
  const name = 'memory-lock';
  if (limit === null) return fine(name, 'unlimited');
  const size = `at most ${Math.floor(limit / 2 ** 20)} MiB`;
  return locking.length === 0
    ? fine(name, `${size}; only --mlock needs more, and no pool has it`)
    : wrong(
        name,
        `${size}, and --mlock of ${locking.join(', ')} needs room for the whole model`,
        'raise it (ulimit -l; in a unit: LimitMEMLOCK=infinity), or take --mlock out',
      );
}

function checkKernelLog(how: string | null): Check {
  const name = 'kernel-log';
  return how === null
    ? wrong(
        name,
        'this user may not read it: GPU errors and kills for want of memory are told with less certainty',
        'usermod --append --groups systemd-journal $USER, and log in anew',
      )
    : fine(name, `read by ${how}`);
}

function checkSession({ systemd, root, lingers, socketGoes }: MachineFacts['session']): Check {
  const name = 'session';
  if (!systemd) return fine(name, 'no systemd: what runs in a terminal ends with it, unless setsid or tmux keep it');
  if (root) return fine(name, 'root: a unit of systemd can run poolctl up (KillMode=process, Delegate=yes)');
  if (lingers) return fine(name, 'this user lingers: what he runs outlives his logout');
  const what = socketGoes ? 'a logout removes the socket, and may end what runs' : 'a logout may end what runs';
  return wrong(name, `this user does not linger: ${what}`, 'loginctl enable-linger');
}

const leastFree = 2 ** 30;

function checkDisk({ path, freeBytes, logBytes }: MachineFacts['disk']): Check {
  const name = 'disk';
  if (freeBytes === null) return wrong(name, `what is free at ${path} cannot be told`, `df ${path}`);
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const logs = logBytes === null ? '' : `; logs can grow to ${gib(logBytes)}`;
  return freeBytes < Math.max(leastFree, logBytes ?? 0)
    ? wrong(
        name,
        `${gib(freeBytes)} are free at ${path}${logs}`,
        'free some, name another directory (--state-dir), or lower logs.max_size and logs.keep',
      )
    : fine(name, `${gib(freeBytes)} are free at ${path}${logs}`);
}
