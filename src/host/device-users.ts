/** Who the processes are that use the devices: their programs, and whether they belong to an engine of ours. */

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProcess } from '../core/model.js';
import type { DeviceUser, Listed } from '../devices/users.js';
import { environValue, type ProcessStat, programOf, readStat } from './proc.js';

export type DeviceUsers = {
  /**
   * Who they are. What was found of a process is kept for as long as it is listed, so that one that has died, and whose memory the driver has
   * not freed yet, still is its engine's. Never rejects.
   */
  identify(users: readonly DeviceUser[]): Promise<readonly DeviceProcess[]>;
  /**
   * What a list is worth: null where it cannot tell. In a container with processes of its own, and under WSL, the tools list nobody however busy
   * the devices are, so that "nobody" is believed only where neither is the case.
   */
  trusted(listed: Listed): readonly DeviceUser[] | null;
};

type Known = Pick<DeviceProcess, 'program' | 'instance'> & { readonly startTicks: number };

/** `procRoot`: tests put a /proc of their own there. */
export function createDeviceUsers(procRoot = '/proc'): DeviceUsers {
  let seen: ReadonlyMap<number, Known> = new Map();
  const seesAll = seesAllProcesses(procRoot);
  const reads = new Set<number>();

  return {
    trusted({ users, complete }) {
      return users.length > 0 || (complete && seesAll) ? users : null;
    },
    async identify(users) {
      const now = new Map<number, Known>();
      for (const pid of new Set(users.map((user) => user.pid))) {
        const who = await look(pid, seen.get(pid));
        if (who !== null) now.set(pid, who);
      }
      seen = now;
      return users.map(({ uuid, pid, name, usedBytes }) => {
        const { program = programIn(name), instance = null } = now.get(pid) ?? {};
        return { uuid, pid, program, usedBytes, instance };
      });
    },
  };

  async function look(pid: number, before: Known | undefined): Promise<Known | null> {
    const stat = readStat(pid, undefined, procRoot);
    // Gone, and listed still: it is who it was.
    if (stat === null) return before ?? null;
    const isSame = before?.startTicks === stat.startTicks;
    const instance = (isSame ? before?.instance : null) ?? (await instanceOf(stat));
    return { program: programOf(stat), instance, startTicks: stat.startTicks };
  }

  /**
   * The instance in its environment. A worker may have written its title over that, so it is also that of its group, and of whoever began it,
   * as far as that goes back.
   */
  async function instanceOf(stat: ProcessStat): Promise<string | null> {
    const asked = new Set<number>();
    let next: ProcessStat | null = stat;
    for (let generations = 0; next !== null && generations < generationsAtMost; generations += 1) {
      for (const pid of [next.pid, next.pgrp]) {
        if (pid <= 1 || asked.has(pid)) continue;
        asked.add(pid);
        const instance = await instanceIn(pid);
        if (instance !== null && instance !== '') return instance;
      }
      next = next.ppid <= 1 ? null : readStat(next.ppid, undefined, procRoot);
    }
    return null;
  }

  /** A process that hangs in the driver may let nobody read its environment: such a read is not waited for, and not begun a second time. */
  async function instanceIn(pid: number): Promise<string | null> {
    if (reads.has(pid) || reads.size >= readsAtMost) return null;
    reads.add(pid);
    const read = environValue(pid, 'POOLCTL_INSTANCE', procRoot).finally(() => reads.delete(pid));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, patienceMs, null);
    });
    return Promise.race([read, late]).finally(() => clearTimeout(timer));
  }
}

const patienceMs = 500;

/** Each that hangs keeps one of Node's four threads for files. */
const readsAtMost = 2;

/** An engine's workers are its children or grandchildren; shells and launchers may stand between. */
const generationsAtMost = 16;

/** The kernel gives the first namespace of processes this number on every machine. */
const firstNamespace = 'pid:[4026531836]';

function seesAllProcesses(procRoot: string): boolean {
  try {
    const namespace = readlinkSync(join(procRoot, 'self/ns/pid'));
    return namespace === firstNamespace && !/microsoft/i.test(readFileSync(join(procRoot, 'version'), 'utf8'));
  } catch {
    return false;
  }
}

/** "/usr/bin/python3 serve.py" -> "python3"; "VLLM::EngineCore" as it is. */
function programIn(name: string | null): string | null {
  const program = name?.startsWith('/') ? (name.split(' ')[0] ?? name) : name;
  return program?.split('/').at(-1) || null;
}
