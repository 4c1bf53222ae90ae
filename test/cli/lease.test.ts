/** Leases from the command line, as people and scripts have them. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { listen } from '../rig/listen.js';
import { program, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(async () => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30620-30639, shutdown_deadline: 100ms }
pools:
  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "50", --slots, "2"], health: { startup_interval: 50ms } }
  off: { engine: demo, device_masks: [cpu], autostart: false }
`);
});
afterEach(() => rig.end());

async function serving(): Promise<Client> {
  await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
  return new Client({ socketPath: join(rig.state, 'poolctl.sock'), doing: 'look' });
}

async function untilTrue(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('a lease', () => {
  it('is acquired, listed, renewed and given back, for people and for programs', async () => {
    await serving();
    const granted = await rig.run('lease', 'acquire', 'chat', '--ttl', '5m', '--holder', 'night shift');
    expect(granted).toMatchObject({ status: 0, stderr: '' });
    const [, id = ''] = /^ {2}lease {2}(\S+)$/m.exec(granted.stdout) ?? [];
    expect(granted.stdout).toMatch(/^chat\/r0 leased until \d\d:\d\d:\d\d: http:\/\/127\.0\.0\.1:306\d\d\n/);
    expect(granted.stdout).toContain(`poolctl lease release ${id}`);

    const other = await rig.json('lease', 'acquire', 'chat/r0');
    expect(Object.keys(other).sort()).toEqual(
      ['lease_id', 'pool_id', 'replica_id', 'url', 'model_id', 'holder', 'granted_at', 'expires_at'].sort(),
    );
    expect(other.holder).toMatch(new RegExp(`^\\S+@\\S+:${process.pid}$`));
    expect(Date.parse(other.expires_at) - Date.parse(other.granted_at)).toBe(60_000);

    const { stdout } = await rig.run('lease', 'list');
    expect(stdout).toMatch(/^LEASE +REPLICA +EXPIRES +URL +HOLDER\n/);
    expect(stdout).toMatch(new RegExp(`\n${id} +chat/r0 +(5m|4m\\d+s) +http://\\S+ +night shift\n`));
    expect((await rig.json('lease', 'list', 'chat')).leases).toMatchObject([{ lease_id: id, holder: 'night shift' }, other]);
    expect(await rig.json('lease', 'list', 'off')).toEqual({ leases: [] });

    const renewed = await rig.json('lease', 'renew', other.lease_id, '--ttl', '1h');
    expect(Date.parse(renewed.expires_at)).toBeGreaterThan(Date.parse(other.expires_at) + 3_000_000);
    expect(await rig.run('-q', 'lease', 'renew', id)).toMatchObject({ status: 0, stdout: `${id} ${other.url}\n` });

    expect(await rig.run('lease', 'release', id)).toMatchObject({ status: 0, stdout: `lease ${id} given back\n` });
    expect(await rig.run('lease', 'release', id, '--json')).toMatchObject({ status: 0, stdout: `{"lease_id":"${id}"}\n` });
    expect(await rig.run('lease', 'renew', id)).toMatchObject({
      status: 8,
      stderr: expect.stringContaining('[LEASE_NOT_FOUND]'),
    });
    await rig.run('lease', 'release', other.lease_id);
    expect(await rig.run('lease', 'list')).toMatchObject({ status: 0, stdout: '', stderr: 'no lease is held\n' });
  });

  it('is refused with the status that says why, and what was probably meant', async () => {
    await serving();
    const unready = await rig.run('lease', 'acquire', 'off');
    expect(unready).toMatchObject({ status: 7, stdout: '', stderr: expect.stringContaining('[POOL_UNREADY]') });
    expect(await rig.run('lease', 'acquire', 'chta')).toMatchObject({
      status: 8,
      stderr: expect.stringMatching(/\[POOL_NOT_FOUND\]\n {2}try: {2}poolctl lease acquire chat {8}/),
    });
    expect(await rig.run('lease', 'run', 'chat/r7', '--', 'true')).toMatchObject({
      status: 8,
      stderr: expect.stringMatching(/\[REPLICA_NOT_FOUND\]\n {2}try: {2}poolctl lease run chat\/r0 {8}/),
    });
    expect((await rig.run('lease', 'list', 'chta')).status).toBe(8);
    for (const line of [
      ['all'],
      ['chat', '--ttl', '0'],
      ['chat', '--ttl', '25h'],
      ['chat', '--holder', 'a\nb'],
      ['chat', '--wait', '5'],
    ])
      expect((await rig.run('lease', 'acquire', ...line)).status, line.join(' ')).toBe(2);
    expect(await rig.run('lease')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage: poolctl lease'),
    });
    expect(await rig.run('lease', 'aquire')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('try:  poolctl lease acquire\n'),
    });
    await rig.run('down');
    for (const line of [['acquire', 'chat'], ['renew', 'x'], ['release', 'x'], ['list'], ['run', 'chat', '--', 'true']])
      expect(await rig.run('lease', ...line), line.join(' ')).toMatchObject({ status: 6, stdout: '' });
  });

  it('is waited for: until another gives one back, until the time has passed, or until Ctrl-C', async () => {
    await serving();
    const [first] = [await rig.json('lease', 'acquire', 'chat'), await rig.json('lease', 'acquire', 'chat')];
    const full = await rig.json('lease', 'acquire', 'chat', '--wait', '100ms');
    expect(full).toMatchObject({ error: { code: 'NO_FREE_SLOT', retriable: true } });
    expect((await rig.run('lease', 'acquire', 'chat', '--wait', '100ms')).status).toBe(7);

    const waiting = rig.spawn(['lease', 'acquire', 'chat', '--wait', '1h']);
    const impatient = listen(waiting);
    await impatient.says('waiting: cannot lease "chat": all of its slots (2) are taken');
    waiting.kill('SIGINT');
    expect(await impatient.ended).toMatchObject({ status: 130 });

    const patient = listen(rig.spawn(['lease', 'acquire', 'chat', '--wait', '1h']));
    await patient.says('waiting: ');
    await rig.run('lease', 'release', first.lease_id);
    expect(await patient.ended).toMatchObject({ status: 0 });
    expect((await rig.json('lease', 'list')).leases).toHaveLength(2);
  });
});

describe('lease run', () => {
  it('gives the command its URL and lease, returns its status, and gives the lease back', async () => {
    const client = await serving();
    const script = `echo "$POOLCTL_URL $POOLCTL_LEASE_ID"; '${process.execPath}' '${program}' lease list --json; exit 3`;
    const { status, stdout } = await rig.run('lease', 'run', '--holder', 'me', 'chat', '--', 'sh', '-c', script);
    expect(status).toBe(3);
    const [line = '', listed = ''] = stdout.split('\n');
    const { leases } = JSON.parse(listed);
    expect(leases).toMatchObject([{ holder: 'me', pool_id: 'chat' }]);
    expect(line).toBe(`${leases[0].url} ${leases[0].lease_id}`);
    expect(Date.parse(leases[0].expires_at) - Date.parse(leases[0].granted_at)).toBe(30_000);
    expect(await client.leases(null)).toEqual([]);

    expect((await rig.run('lease', 'run', 'chat', '--', 'sh', '-c', 'kill -KILL $$')).status).toBe(137);
    expect(await rig.run('lease', 'run', 'chat', '--', 'no-such-program', '--json')).toMatchObject({
      status: 127,
      stdout: '',
      stderr: expect.stringContaining('cannot run "no-such-program": there is no such program'),
    });
    expect((await rig.run('lease', 'run', 'chat', '--', '/etc/passwd')).status).toBe(126);
    // What stands behind the pool is the command's own, with and without the two dashes.
    expect((await rig.run('lease', 'run', 'chat', 'printf', '%s', '--json')).stdout).toBe('--json');
    expect((await rig.run('lease', 'run', 'chat', '--', 'printf', '%s', '--')).stdout).toBe('--');
    for (const words of [['chat'], ['chat', '--'], ['chat', '--wait', '1s', '--', 'true']])
      expect((await rig.run('lease', 'run', ...words)).status, words.join(' ')).toBe(2);
    expect(await client.leases(null)).toEqual([]);
  });

  it('passes SIGTERM on, and the command has the last word', async () => {
    const client = await serving();
    const child = rig.spawn([
      'lease',
      'run',
      'chat',
      '--',
      'sh',
      '-c',
      "trap 'exit 9' TERM; : > trapped; while :; do sleep 0.05; done",
    ]);
    const { ended } = listen(child);
    await untilTrue(() => existsSync(join(rig.dir, 'trapped')));
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ status: 9 });
    expect(await client.leases(null)).toEqual([]);
  });

  it('lets a Ctrl-C of the terminal come to the command once', async () => {
    const client = await serving();
    // A shell would take two signals that come together for one.
    const counter = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
process.on('SIGINT', () => appendFileSync('ints', 'got\\n'));
writeFileSync('trapped', '');
setInterval(() => existsSync('go') && process.exit(4), 20);
`;
    writeFileSync(join(rig.dir, 'counter.mjs'), counter);
    const words = [process.execPath, program, 'lease', 'run', 'chat', '--', process.execPath, 'counter.mjs'];
    const line = words.map((word) => `'${word}'`);
    const terminal = spawn('/usr/bin/script', ['--quiet', '--return', '--command', `exec ${line.join(' ')}`, '/dev/null'], {
      cwd: rig.dir,
      env: { ...rig.env, SHELL: '/bin/sh' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = once(terminal, 'close');
    await untilTrue(() => existsSync(join(rig.dir, 'trapped')));
    terminal.stdin?.write('\u0003');
    await untilTrue(() => existsSync(join(rig.dir, 'ints')));
    terminal.stdin?.write('\u0003');
    await untilTrue(() => readFileSync(join(rig.dir, 'ints'), 'utf8').length >= 'got\ngot\n'.length);
    await rig.run('lease', 'run', 'chat', '--', 'touch', 'go');
    expect((await ended)[0]).toBe(4);
    // One that came twice would have come by now: it is passed on at once.
    expect(readFileSync(join(rig.dir, 'ints'), 'utf8')).toBe('got\ngot\n');
    expect(await client.leases(null)).toEqual([]);
  });

  it('that is killed renews no more, and its lease expires', async () => {
    const client = await serving();
    const child = rig.spawn(['lease', 'run', 'chat', '--', 'sh', '-c', 'echo $$ > pid; exec sleep 600']);
    await untilTrue(() => existsSync(join(rig.dir, 'pid')) && readFileSync(join(rig.dir, 'pid'), 'utf8') !== '');
    const [held] = await client.leases('chat');
    child.kill('SIGKILL');
    await once(child, 'exit');
    // So that nobody has to wait for 30 s: it holds for a shorter time from now on.
    await client.renewLease(held?.lease_id ?? '', 200);
    expect(await client.leases('chat')).toHaveLength(1);
    await untilTrue(async () => (await client.leases('chat')).length === 0);
    process.kill(Number(readFileSync(join(rig.dir, 'pid'), 'utf8')), 'SIGKILL');
  });

  it('outlives its supervisor: the lease is lost, the command goes on', async () => {
    await serving();
    const child = rig.spawn([
      'lease',
      'run',
      'chat',
      '--',
      'sh',
      '-c',
      ': > begun; while [ ! -e go ]; do sleep 0.05; done; exit 6',
    ]);
    const { ended, says } = listen(child);
    await untilTrue(() => existsSync(join(rig.dir, 'begun')));
    await rig.run('down');
    await rig.up();
    await says('is lost');
    await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
    await rig.run('lease', 'run', 'chat', '--', 'touch', 'go');
    // It may end before those that let it.
    expect(await ended).toMatchObject({ status: 6 });
  });
});
