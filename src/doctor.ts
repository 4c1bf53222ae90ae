/** A look at the machine as the supervisor and its engines would find it, or find it now. Reads alone: nothing is made, started or ended. */

import { constants } from 'node:fs';
import { access, lstat, open, statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { StatusView } from './api/wire.js';
import type { Check } from './checkup/check.js';
import { checkDevices } from './checkup/devices.js';
import { checkMachine, type MachineFacts } from './checkup/machine.js';
import { checkSupervision, type SocketFacts, type SupervisionFacts } from './checkup/supervision.js';
import type { DevicesObservation } from './core/facts.js';
import type { Inventory } from './core/model.js';
import { readEngines } from './doctor/engines.js';
import { findLeftovers } from './doctor/leftovers.js';
import { readPorts } from './doctor/ports.js';
import { PoolctlError } from './errors.js';
import { delegationFlaw, seatOf } from './host/cgroups.js';
import { readDrivers } from './host/drivers.js';
import { askJournalctl } from './host/kernel-log.js';
import { readLimits } from './host/limits.js';
import { type Env, lockFile, type Named, type Place, stateDirOf, supervisorPaths } from './host/paths.js';
import { findProgram } from './host/programs.js';
import { findLeaves, leavesIn } from './shell/leaves.js';
import { readHolder } from './shell/lock.js';
import { makeProcesses } from './shell/processes.js';
import { stateDirFlaw } from './shell/state-dir.js';

export type DoctorOptions = Place & {
  readonly version: string;
  readonly named: Named;
  readonly env: Env;
  readonly uid: number;
  readonly pid: number;
  readonly devices: DevicesObservation;
  /** `inventory` is null where the file is not there or has errors. */
  readonly inventory: SupervisionFacts['inventory'] & { readonly value: Inventory | null };
  /** Of the supervisor that answers; 'foreign': there is one, of another user; null: none does. */
  readonly status: StatusView | 'foreign' | null;
};

/** All of it, in the order in which a person would mend it. Never rejects for what the machine is like. */
export async function doctor(options: DoctorOptions): Promise<readonly Check[]> {
  const { env, named, inventory, devices, uid, version } = options;
  const status = options.status === 'foreign' ? null : options.status;
  const stateDir = stateDirOf(named, env, options);
  const seat = seatOf(status?.supervisor.pid ?? 'self');
  const flaw = seat.ok ? delegationFlaw(seat.value) : seat.error;
  const leaves = leavesIn(seat.ok ? findLeaves(seat.value.mount, stateDir) : new Map());
  const processes = makeProcesses(options.pid, undefined, leaves);
  const running = (status?.pools ?? []).flatMap(({ replicas }) =>
    replicas.flatMap(({ live, port }) => (live && port !== null ? [port] : [])),
  );
  const ours = { ports: new Set(running), listens: status?.supervisor.listen != null };
  const socket = await readSocket(options, stateDir);
  const [drivers, limits, stateFlaw, leftovers, engines, ports, disk, missing, kernelLog, session] = await Promise.all([
    readDrivers(),
    readLimits(),
    stateDirFlaw(stateDir, uid),
    findLeftovers(stateDir, processes),
    readEngines(inventory.value, options),
    inventory.value === null || inventory.value.pools.length === 0 ? null : readPorts(inventory.value, ours, processes),
    readDisk(stateDir, inventory.value),
    missingOf(['setpriv', 'flock', 'ps'], options),
    howKernelLog(),
    readSession(uid, socket.path, env),
  ]);
  const { CUDA_DEVICE_ORDER: order = null, CUDA_VISIBLE_DEVICES: visible = null } = env;
  return [
    ...checkDevices({ ...devices, ...drivers, order, visible }),
    ...checkSupervision({
      version,
      running: status === null ? null : { pid: status.supervisor.pid, version: status.supervisor.version },
      stateDir: { path: stateDir, there: (await lstat(stateDir).catch(() => null)) !== null, flaw: stateFlaw },
      socket,
      leftovers,
      ports,
      inventory,
      engines,
    }),
    ...checkMachine({
      containment: { level: status?.supervisor.containment ?? (flaw === null ? 'cgroup' : 'group'), why: flaw },
      missing,
      limits,
      locking: (inventory.value?.pools ?? []).filter(({ args }) => args.includes('--mlock')).map(({ poolId }) => poolId),
      kernelLog,
      session,
      disk,
    }),
  ];
}

async function readSocket(options: DoctorOptions, stateDir: string): Promise<SocketFacts> {
  const nothing = { unusable: null, there: 'nothing', mode: null, holder: null, foreign: options.status === 'foreign' } as const;
  let path: string;
  try {
    path = supervisorPaths(options.named, options.env, options).socket;
  } catch (error) {
    if (!(error instanceof PoolctlError)) throw error;
    return { ...nothing, path: '', unusable: error.message };
  }
  const holder = await readHolder(lockFile(stateDir));
  // A supervisor may have been given another one: its lock names it, and clients follow.
  const used = holder?.socket ?? path;
  const found = await lstat(used).catch(() => null);
  const there = found === null ? 'nothing' : found.isSocket() ? 'socket' : 'other';
  return { ...nothing, path: used, there, mode: found?.mode ?? null, holder: holder?.pid ?? null };
}

async function readDisk(stateDir: string, inventory: Inventory | null): Promise<MachineFacts['disk']> {
  let path = stateDir;
  while (path !== dirname(path) && (await lstat(path).catch(() => null)) === null) path = dirname(path);
  const room = await statfs(path).catch(() => null);
  return {
    path,
    freeBytes: room === null ? null : room.bavail * room.bsize,
    logBytes: inventory === null ? null : logBytesOf(inventory),
  };
}

function logBytesOf({ pools, supervisor }: Inventory): number {
  const logs = pools.reduce((sum, { masks, logs: { maxSizeBytes, keep } }) => sum + masks.length * maxSizeBytes * (keep + 1), 0);
  return logs + supervisor.events.maxSizeBytes * (supervisor.events.keep + 1);
}

async function missingOf(names: readonly string[], { env, cwd }: DoctorOptions): Promise<readonly string[]> {
  const found = await Promise.all(names.map((name) => findProgram(name, env.PATH, cwd)));
  return names.filter((_, at) => found[at] === null);
}

async function howKernelLog(): Promise<string | null> {
  const device = await open('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  await device?.close();
  if (device !== null) return '/dev/kmsg';
  return (await askJournalctl()) === null ? null : 'journalctl';
}

async function readSession(uid: number, socket: string, { XDG_RUNTIME_DIR }: Env): Promise<MachineFacts['session']> {
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  const socketGoes = XDG_RUNTIME_DIR !== undefined && XDG_RUNTIME_DIR !== '' && socket.startsWith(`${XDG_RUNTIME_DIR}/`);
  const [systemd, lingers] = await Promise.all([
    isThere('/run/systemd/system'),
    isThere(`/var/lib/systemd/linger/${nameOfUser()}`),
  ]);
  return { systemd, lingers, root: uid === 0, socketGoes };
}

/** A container may run as a number that has no name. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
