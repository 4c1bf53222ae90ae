/** Reloads from the command line, as people and scripts have them; what becomes of the pool is in lifecycle/reload.feature. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { writeTinyModel } from '../rig/gguf.js';
import { listen } from '../rig/listen.js';
import { Rig, type Supervisor } from '../rig/poolctl.js';
import { onTerminal } from '../rig/terminal.js';

let rig: Rig;
let supervisor: Supervisor;
let client: Client;
beforeEach(async () => {
  rig = new Rig();
  mkdirSync(join(rig.dir, 'models'));
  for (const name of ['old', 'new', 'bad']) writeTinyModel(join(rig.dir, 'models', `${name}.gguf`), { name: `Tiny ${name}` });
  rig.inventory(`version: 1
supervisor: { ports: 30660-30679, engine_poll: 200ms }
pools:
  chat:
    engine: demo
    model: models/old.gguf
    device_masks: [cpu, cpu]
    args: [--load-time, "150", --order, "print?model=bad&text=error: the tensors are not whole", --order, "crash?model=bad&code=3"]
    health: { startup_interval: 20ms }
    reload: { min_healthy: 100ms }
  named: { engine: demo, model: models/old.gguf, model_id: house, device_masks: [cpu], args: [--load-time, "1"], autostart: false }
`);
  supervisor = await rig.up();
  client = new Client({ socketPath: join(rig.state, 'poolctl.sock'), doing: 'look' });
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
});
afterEach(() => rig.end());

const [old, other, bad] = ['old', 'new', 'bad'].map((name) => `models/${name}.gguf`) as [string, string, string];
const lease = (replica_id: string, holder: string) => client.acquireLease('chat', { replica_id, ttl_ms: 600_000, holder });
const poolOf = async (at = 0) => (await client.status()).pools[at];

const begin = (...args: string[]) => {
  const child = rig.spawn(args);
  return { child, ...listen(child) };
};

describe('reload', () => {
  it('says that the model is there, what it waits for, which replica is where, and what is now', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const { ended, says } = begin('reload', 'chat', '--model', other);
    await says('chat: new.gguf is there (');
    await says('chat/r0 draining: 1 lease (night shift, expires in ');
    await client.releaseLease(lease_id);
    const { status, stdout, stderr } = await ended;
    expect(stdout).toMatch(/^chat reloaded in [\d.]+s: Tiny new on r0, r1\. pools\.yaml still names ~\/models\/old\.gguf\n$/);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^chat: new\.gguf is there \(\d+ KiB, GGUF 3\); rolling over r0, r1\nchat\/r0 draining: 1 lease \(.*\), at most 5m\n/,
    );
    expect(stderr).toMatch(
      /\nchat\/r0 starting the new model: .*\n(?:.*\n)*chat\/r0 ready\n(?:.*\n)*chat\/r1 starting the new model: .*\n$/,
    );

    expect(await rig.run('status', 'chat/r0')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /\n {2}model {6}Tiny new \(~\/models\/new\.gguf\)\n {2}reloaded {3}[\d:]{8}; pools\.yaml names ~\/models\/old\.gguf\n/,
      ),
      stderr: 'chat runs new; pools.yaml names old\n',
    });
    expect((await rig.run('-q', 'status')).stderr).toBe('');
    expect(await rig.run('reload', 'chat', '--model', `~/${other}`)).toEqual({
      status: 0,
      stdout: 'chat runs Tiny new already\n',
      stderr: '',
    });
    const back = await rig.run('-q', 'reload', 'chat', '--model', `file:${old}`);
    expect(back).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await poolOf()).toMatchObject({ model_id: 'Tiny old', override: null });
  });

  it('that is rolled back says so at once, and at the end who, why and where to look', async () => {
    const { status, stdout, stderr } = await rig.run('reload', 'chat', '--model', bad);
    expect({ status, stdout }).toEqual({ status: 9, stdout: '' });
    expect(stderr).toMatch(/\nchat: goes back to Tiny old: exited with code 3 after [\d.]+s: .*\n/);
    expect(stderr).toMatch(
      /\nerror: cannot reload chat: r0 did not start the new model; rolled back in [\d.]+s {2}\[RELOAD_FAILED\]\n {2}why: {2}exited with code 3 .*\n {2}try: {2}poolctl logs chat\/r0 --previous; all replicas serve Tiny old as before\n$/,
    );
    expect((await rig.run('logs', 'chat/r0', '--previous')).stdout).toContain('error: the tensors are not whole');

    const shown = await rig.run('reload', 'chat', '--model', bad, '--json');
    expect(shown.status).toBe(9);
    expect(JSON.parse(shown.stdout)).toMatchObject({ kind: 'reload', outcome: 'rolled_back', error: { code: 'RELOAD_FAILED' } });
  });

  it('names what differs where the pool has a name of its own', async () => {
    const { stdout } = await rig.run('reload', 'named', '--model', other);
    expect(stdout).toMatch(/^named reloaded in [\d.]+s: new; r0 will have it when started\. pools\.yaml still names /);
  });

  it('gives up at its deadline, and says who holds it up', async () => {
    await lease('r0', 'night shift');
    const { status, stdout, stderr } = await rig.run('reload', 'chat', '--model', other, '--deadline', '100ms');
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).toMatch(
      /\nerror: cannot reload chat: the drain of r0 was not over in time; it serves Tiny old as before {2}\[DRAIN_TIMEOUT\]\n {2}try: {2}poolctl lease list chat\n$/,
    );
    const shown = await rig.json('reload', 'chat', '--model', other, '--deadline', '0');
    expect(shown).toMatchObject({ outcome: 'drain_timeout', cut: 0, error: { code: 'DRAIN_TIMEOUT' } });
  });

  it('goes on after Ctrl-C, and without anybody who waits', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const { child, ended, says } = begin('reload', 'chat', '--model', other);
    await says('1 lease');
    child.kill('SIGINT');
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(stderr).toMatch(/\nstopped waiting; the reload goes on\. Follow it: poolctl status chat --watch\n$/);
    expect(await rig.run('reload', 'chat', '--model', bad)).toMatchObject({
      status: 7,
      stderr: expect.stringContaining('[OPERATION_IN_PROGRESS]'),
    });
    await client.releaseLease(lease_id);
    const events = await client.events(null, new AbortController().signal);
    while ((await poolOf())?.model_id !== 'Tiny new') await events.next();

    const begun = await rig.run('reload', 'chat', '--model', old, '--no-wait');
    expect(begun).toEqual({
      status: 0,
      stdout: 'chat: reload begun. Follow it: poolctl status chat --watch\n',
      stderr: '',
    });
    while ((await poolOf())?.model_id !== 'Tiny old') await events.next();
    await events.return();
  });

  it('is refused with the status that says why, and nothing is touched', async () => {
    const cases: readonly [number, readonly string[], RegExp][] = [
      [
        8,
        ['chta', '--model', old],
        /^error: cannot reload "chta": there is no such pool {2}\[POOL_NOT_FOUND\]\n {2}try: {2}poolctl reload chat /,
      ],
      [
        2,
        ['chat/r0', '--model', old],
        /^error: cannot reload chat\/r0 alone: .* {2}\[USAGE\]\n {2}try: {2}poolctl reload chat --model REF\n$/,
      ],
      [2, ['all', '--model', old], /\[USAGE\]/],
      [2, ['chat'], /--model/],
      [2, ['chat', '--model', 'hf:x'], /it must be hf:org\/repo\/file/],
      [2, ['chat', '--model', old, '--digest', 'abc'], /it must be sha256: and 64 hexadecimal digits/],
      [2, ['chat', '--model', old, '--deadline', '5'], /for seconds write 5s/],
      [
        7,
        ['chat', '--model', 'org/repo'],
        /the model "\/.*\/org\/repo" cannot be used; nothing was touched {2}\[MODEL_UNAVAILABLE\]\n {2}why: {2}there is no such file\n {2}try: {2}poolctl reload chat --model REF .*keeps/,
      ],
      [7, ['chat', '--model', other, '--digest', `sha256:${'0'.repeat(64)}`], /why: {2}its digest is sha256:/],
    ];
    for (const [status, line, text] of cases)
      expect(await rig.run('reload', ...line), line.join(' ')).toEqual({
        status,
        stdout: '',
        stderr: expect.stringMatching(text),
      });
    expect(await poolOf()).toMatchObject({ ready: true, replicas: [{ incarnation: 1 }, { incarnation: 1 }] });
  });

  it('of a supervisor that goes, or is not there, exits with 6', async () => {
    await lease('r0', 'night shift');
    const { ended, says } = begin('reload', 'chat', '--model', other);
    await says('1 lease');
    supervisor.child.kill('SIGKILL');
    expect(await ended).toMatchObject({ status: 6, stderr: expect.stringContaining('[NO_SUPERVISOR]') });
    expect(await rig.run('reload', 'chat', '--model', other)).toMatchObject({
      status: 6,
      stderr: expect.stringMatching(/^error: cannot reload chat: no poolctl supervisor is running {2}\[NO_SUPERVISOR\]\n/),
    });
  });

  it('has one line for what it waits for on a terminal, under the lines that stay', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const { status, frames } = await onTerminal(
      rig,
      { args: ['reload', 'chat', '--model', other], columns: 90 },
      async (screen) => {
        if (screen.includes('night shift')) await client.releaseLease(lease_id);
      },
    );
    expect(status).toBe(0);
    const staying = frames.map((frame, at) => (at === frames.length - 1 ? frame : frame.split('\n').slice(0, -2).join('\n')));
    expect(staying.filter((text) => text !== '').join('\n')).toMatch(/^chat: new\.gguf is there .*\nchat reloaded in .*\n$/);
    expect(frames.some((frame) => /^chat\/r0 ready; chat\/r1 starting the new model(: .*)?\n$/.test(frame))).toBe(true);
  });
});
