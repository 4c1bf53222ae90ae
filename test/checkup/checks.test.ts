/** What was found, judged: each fault is told, with what to do, and no other check complains of it. */

import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/checkup/check.js';
import { checkDevices, type DeviceFacts } from '../../src/checkup/devices.js';
import { checkMachine, type MachineFacts } from '../../src/checkup/machine.js';
import { checkSupervision, type SupervisionFacts } from '../../src/checkup/supervision.js';
import { deviceOf } from '../rig/launch.js';

const wrongs = (checks: readonly Check[]) =>
  checks.filter(({ ok }) => !ok).map(({ name, detail, hint }) => [name, `${detail} | ${hint}`]);

const two = [deviceOf('0', { pciAddress: '0000:17:00' }), deviceOf('1', { pciAddress: '0000:65:00' })];
const gpus: DeviceFacts = {
  devices: two,
  tool: 'working',
  note: null,
  nvidiaDriver: '580.159',
  unbound: [],
  order: null,
  visible: null,
};
const none: DeviceFacts = { ...gpus, devices: [], tool: 'none', nvidiaDriver: null };

const large = { soft: 65_536, hard: 65_536 };
const machine: MachineFacts = {
  containment: { level: 'group', why: '/sys/fs/cgroup/user.slice is not delegated to this user' },
  missing: [],
  limits: { openFiles: large, processes: { soft: null, hard: null }, lockedBytes: { soft: 2 ** 23, hard: 2 ** 23 } },
  locking: [],
  kernelLog: 'journalctl',
  session: { systemd: true, root: false, lingers: true, socketGoes: true },
  disk: { path: '/state', freeBytes: 10 * 2 ** 30, logBytes: 2 ** 30 },
};

const supervision: SupervisionFacts = {
  version: '1.2.3',
  running: { pid: 100, version: '1.2.3' },
  stateDir: { path: '/state', there: true, flaw: null },
  socket: { path: '/state/poolctl.sock', unusable: null, there: 'socket', mode: 0o140600, holder: 100, foreign: false },
  leftovers: [],
  ports: { held: [], wanted: 2, free: 900, range: '18100-18999' },
  inventory: { file: 'pools.yaml', found: true, pools: 1, errors: 0 },
  engines: [{ pools: ['chat'], program: 'llama-server', version: 'b6710', flaw: null }],
};

it('of a machine that is well nothing is said but what it is', () => {
  const all = [...checkDevices(gpus), ...checkSupervision(supervision), ...checkMachine(machine)];
  expect(wrongs(all)).toEqual([]);
  const names = all.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.every((name) => /^[a-z-]+$/.test(name))).toBe(true);
  expect(all.find(({ name }) => name === 'driver')?.detail).toBe('NVIDIA 580.159, 2 GPUs');
  expect(wrongs(checkDevices(none))).toEqual([]);
});

describe('devices', () => {
  const lost = { text: 'has fallen off the bus (Xid 79)', cure: 'reboot' } as const;
  it.each<[string, Partial<DeviceFacts>, string, RegExp]>([
    ['a tool that fails', { tool: 'failing', note: 'nvidia-smi timed out after 10s' }, 'driver', /^nvidia-smi timed out/],
    [
      'a GPU without a driver',
      { ...none, unbound: [{ address: '0000:01:00.0', vendor: 'NVIDIA' }] },
      'driver',
      /^the NVIDIA GPU at 0000:01:00\.0 has no driver \| install/,
    ],
    [
      'a driver without its tool',
      { ...none, nvidiaDriver: '580.159' },
      'driver',
      /nvidia-smi is not on PATH \| install nvidia-smi/,
    ],
    [
      'a sick GPU',
      { devices: [deviceOf('0', { ailment: lost })] },
      'devices',
      /^GPU 0 has fallen off the bus \(Xid 79\) \| reboot the machine$/,
    ],
    [
      'one in need of a reset',
      { devices: [deviceOf('3', { ailment: { text: 'needs a reset', cure: 'reset' } })] },
      'devices',
      /--gpu-reset -i 3/,
    ],
    [
      'numbers against the bus',
      { devices: [deviceOf('0', { pciAddress: '0000:65:00' }), deviceOf('1', { pciAddress: '0000:17:00' })] },
      'device-order',
      /^nvidia-smi counts GPU 1 .* \| name GPUs by UUID/,
    ],
  ])('%s', (_, more, name, said) => {
    expect(wrongs(checkDevices({ ...gpus, ...more }))).toEqual([[name, expect.stringMatching(said)]]);
  });

  it('says what programs outside of poolctl need to count as it does', () => {
    const order = (more: Partial<DeviceFacts>) => checkDevices({ ...gpus, ...more })[2];
    expect(order({})?.hint).toBe('for programs of your own: export CUDA_DEVICE_ORDER=PCI_BUS_ID');
    expect(order({ order: 'PCI_BUS_ID', visible: '1' })).toMatchObject({
      hint: null,
      detail: expect.stringContaining('CUDA_VISIBLE_DEVICES of this shell'),
    });
  });
});

describe('the machine', () => {
  const few = { soft: 1024, hard: 1024 };
  it.each<[string, Partial<MachineFacts>, string, RegExp]>([
    ['without setpriv', { missing: ['setpriv'] }, 'containment', /apt-get install util-linux$/],
    [
      'with few open files',
      { limits: { ...machine.limits, openFiles: few } },
      'open-files',
      /^at most 1024 open files, .*LimitNOFILE/,
    ],
    ['with few processes', { limits: { ...machine.limits, processes: few } }, 'processes', /^at most 1024 processes and threads/],
    [
      'with a pool that locks its model',
      { locking: ['chat'] },
      'memory-lock',
      /^at most 8 MiB, and --mlock of chat .*LimitMEMLOCK/,
    ],
    ['whose log is closed to us', { kernelLog: null }, 'kernel-log', /systemd-journal/],
    [
      'that ends us at a logout',
      { session: { ...machine.session, lingers: false } },
      'session',
      /removes the socket.*\| loginctl enable-linger$/,
    ],
    ['with a full disk', { disk: { ...machine.disk, freeBytes: 2 ** 29 } }, 'disk', /^0\.5 GiB are free at \/state/],
    ['with less room than logs', { disk: { ...machine.disk, logBytes: 20 * 2 ** 30 } }, 'disk', /logs can grow to 20\.0 GiB/],
    ['with a disk that does not tell', { disk: { ...machine.disk, freeBytes: null } }, 'disk', /cannot be told \| df \/state/],
  ])('%s', (_, more, name, said) => {
    expect(wrongs(checkMachine({ ...machine, ...more }))).toEqual([[name, expect.stringMatching(said)]]);
  });
});

describe('how engines are held together', () => {
  const { session } = machine;
  const said = (more: Partial<MachineFacts>) => {
    const check = checkMachine({ ...machine, ...more }).find(({ name }) => name === 'containment');
    return [check?.ok, check?.detail, check?.hint];
  };

  it('why it is not by cgroups, and what gives some', () => {
    const group =
      'group: process groups, and a look for strays by instance and log; no cgroups: /sys/fs/cgroup/user.slice is not delegated to this user';
    const unit = 'run it as a unit with Delegate=yes (see systemd/), or systemd-run ';
    expect(said({})).toEqual([true, group, `${unit}--user --scope -p Delegate=yes poolctl up`]);
    expect(said({ session: { ...session, root: true } })).toEqual([true, group, `${unit}--scope -p Delegate=yes poolctl up`]);
    expect(said({ session: { ...session, systemd: false } })).toEqual([true, group, null]);
    expect(said({ containment: { level: 'group', why: null } })[1]).toBe(group.slice(0, group.indexOf('; no')));
  });

  it('where it is by cgroups there is nothing to say but what is missing besides', () => {
    const containment = { level: 'cgroup', why: null } as const;
    expect(said({ containment })).toEqual([true, 'cgroup: whatever an engine forks stays with it', null]);
    expect(said({ containment, missing: ['flock'] })).toEqual([
      true,
      'cgroup: whatever an engine forks stays with it; not on PATH: flock',
      'apt-get install util-linux procps',
    ]);
  });
});

describe('supervision', () => {
  const left = { key: 'chat/r0', pids: [7, 8], stateDir: '/state', kept: false };
  const { socket } = supervision;
  it.each<[string, Partial<SupervisionFacts>, string, RegExp]>([
    [
      'another version',
      { running: { pid: 100, version: '1.0.0' } },
      'supervisor',
      /^pid 100 is version 1\.0\.0, and this poolctl is 1\.2\.3 \| poolctl down --keep-engines/,
    ],
    [
      'an open directory',
      { stateDir: { ...supervision.stateDir, flaw: { what: 'others may use it', hint: 'chmod 700 /state' } } },
      'state-dir',
      /^\/state: others may use it \| chmod/,
    ],
    [
      'a path that is too long',
      { socket: { ...socket, unusable: 'cannot use the socket "x": too long' } },
      'socket',
      /too long \| name another one/,
    ],
    ["another user's socket", { running: null, socket: { ...socket, foreign: true } }, 'socket', /is another user's/],
    [
      'no socket in its place',
      { running: null, socket: { ...socket, there: 'other', holder: null } },
      'socket',
      /is there, and is no socket/,
    ],
    [
      'a socket that is open to others',
      { socket: { ...socket, mode: 0o140666 } },
      'socket',
      /mode 0666, not 0600\) \| chmod 600/,
    ],
    [
      'a supervisor that does not answer',
      { running: null },
      'supervisor',
      /^pid 100 has the state directory, and does not answer .*kill -TERM 100$/,
    ],
    [
      'engines without one',
      { leftovers: [left] },
      'leftovers',
      /^run without a supervisor: chat\/r0: pid 7, 8 \| poolctl up takes them over/,
    ],
    [
      'engines of another directory',
      { leftovers: [{ ...left, stateDir: '/other' }] },
      'leftovers',
      /chat\/r0 of \/other: pid 7, 8 \| poolctl up --state-dir \/other/,
    ],
    [
      'a broken inventory',
      { inventory: { ...supervision.inventory, errors: 2 } },
      'inventory',
      /^pools\.yaml has 2 errors \| poolctl check$/,
    ],
    [
      'a port that is held',
      { ports: { held: [{ port: 8080, by: 'held by pid 9 (nginx)', whose: 'chat/r0' }], wanted: 0, free: 900, range: 'x' } },
      'ports',
      /^8080 of chat\/r0: held by pid 9 \(nginx\) \| end what holds it, or change the port of chat\/r0$/,
    ],
    [
      'too few ports',
      { ports: { held: [], wanted: 3, free: 1, range: '18100-18102' } },
      'ports',
      /^1 of 18100-18102 are free, and 3 replicas need one/,
    ],
    [
      'an engine that is not there',
      { engines: [{ pools: ['a', 'b'], program: 'vllm', version: null, flaw: 'it is not on PATH' }] },
      'engines',
      /^vllm \(a, b\): it is not on PATH \| install it/,
    ],
  ])('%s', (_, more, name, said) => {
    expect(wrongs(checkSupervision({ ...supervision, ...more }))).toEqual([[name, expect.stringMatching(said)]]);
  });

  it('what is not there yet is no fault', () => {
    const fresh: SupervisionFacts = {
      ...{ version: '1.2.3', running: null, leftovers: [{ ...left, kept: true }], ports: null, engines: [] },
      stateDir: { path: '/state', there: false, flaw: null },
      socket: { ...socket, there: 'nothing', mode: null, holder: null },
      inventory: { file: 'pools.yaml', found: false, pools: 0, errors: 1 },
    };
    const checks = checkSupervision(fresh);
    expect(wrongs(checks)).toEqual([]);
    expect(checks.flatMap(({ hint }) => hint ?? [])).toEqual([
      'poolctl up',
      'poolctl up takes them over',
      'poolctl init',
      'install llama-server, vllm or sglang',
    ]);
    const stale = checkSupervision({ ...fresh, socket: { ...socket, holder: null } })[2];
    expect(stale).toMatchObject({ ok: true, detail: expect.stringContaining('left by one that is gone') });
  });
});
