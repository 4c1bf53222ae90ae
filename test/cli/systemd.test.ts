/** A real `up` under what systemd gives a service: a notify socket that is listened to here, and a watchdog. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/host/programs.js';
import { listen } from '../rig/listen.js';
import { Rig } from '../rig/poolctl.js';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const lacks = ['systemd-notify', 'systemd-analyze', 'python3'].filter((program) => !has(program));
/** Where everything is to be checked, a check that did not run is a failure. */
const skip = lacks.length > 0 && process.env.CI === undefined;
if (lacks.length > 0)
  process.stderr.write(`SKIPPED: what systemd hears needs ${lacks.join(', ')}: apt-get install systemd python3\n`);

/** Node has no datagram sockets of that family. */
const ear = `import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
    ear.bind(sys.argv[1])
    print('listening', file=sys.stderr, flush=True)
    while True:
        print(ear.recv(4096).decode(), file=sys.stderr, flush=True)
`;

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30720-30729, shutdown_deadline: 12s }
pools:
  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "50"], stop: { grace: 3s }, health: { startup_interval: 50ms } }
`);
});
afterEach(() => rig.end());

describe('under systemd (skipped without it: apt-get install systemd python3)', () => {
  it.skipIf(skip)('it tells of itself, of its replicas, of every half of the watchdog, and of its way down', async () => {
    const socket = join(rig.dir, 'notify');
    const python = spawn('python3', ['-c', ear, socket], { stdio: ['ignore', 'ignore', 'pipe'] });
    const { says, ended } = listen(python);
    await says('listening');
    Object.assign(rig.env, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' });
    await rig.up();
    await says('READY=1\nSTATUS=1 ');
    await says('STATUS=1 ready');
    await says('WATCHDOG=1');
    await rig.run('down');
    // Deadline, grace, and what is left to SIGKILL.
    await says('STOPPING=1\nSTATUS=stopping: 1 draining\nEXTEND_TIMEOUT_USEC=30000000');
    python.kill();
    await ended;
  });

  it('it says so where nobody is there to tell systemd', async () => {
    const programs = join(rig.dir, 'programs');
    mkdirSync(programs);
    for (const program of ['setpriv', 'flock', 'sh'])
      symlinkSync((await findProgram(program, process.env.PATH, '/')) ?? '', join(programs, program));
    Object.assign(rig.env, { PATH: programs, NOTIFY_SOCKET: join(rig.dir, 'notify') });
    const { stderr } = await rig.up();
    expect(stderr()).toContain('systemd is not told of us: there is no systemd-notify on PATH');
  });
});

describe('the unit (skipped without systemd: apt-get install systemd)', () => {
  const unit = fileURLToPath(new URL('../../systemd/poolctl.service', import.meta.url));
  const verify = (file: string) => {
    const runtime = mkdtempSync(join(tmpdir(), 'poolctl-unit-'));
    try {
      // The pages are there only where the package is installed.
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', '--user', file], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: runtime, XDG_RUNTIME_DIR: runtime },
      });
      return { status, stderr };
    } finally {
      rmSync(runtime, { recursive: true });
    }
  };

  it.skipIf(skip)('is found sound by systemd itself', () => {
    expect(verify(unit)).toEqual({ status: 0, stderr: '' });
  });

  it('leaves engines to the next supervisor, and lets the supervisor give each a cgroup', () => {
    const lines = readFileSync(unit, 'utf8').split('\n');
    for (const line of ['KillMode=process', 'Delegate=yes', 'OOMPolicy=continue']) expect(lines).toContain(line);
  });

  it.skipIf(skip)('would be found wanting with a key that systemd does not know', () => {
    const wrong = join(rig.dir, 'poolctl.service');
    writeFileSync(wrong, '[Service]\nExecStart=/bin/true\nWatchdogSeconds=60\n');
    expect(verify(wrong).stderr).toContain('WatchdogSeconds');
  });
});
