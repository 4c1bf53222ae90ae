/** `poolctl top` as its user has it: in a terminal, on a running pool. */

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig } from '../../rig/poolctl.js';
import { Tmux } from '../../rig/tmux.js';

let rig: Rig;
let tmux: Tmux | null;
beforeEach(() => {
  rig = new Rig();
  tmux = null;
  rig.inventory(`version: 1
supervisor: { ports: 27640-27659 }
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], args: [--load-time, "50"], health: { startup_interval: 50ms } }
`);
});
afterEach(async () => {
  await tmux?.close();
  await rig.end();
});

async function opened(size = { columns: 80, rows: 24 }, env: Readonly<Record<string, string>> = {}): Promise<Tmux> {
  tmux = await Tmux.open(rig, size, env);
  return tmux;
}

it('shows what runs, drains a replica, says that the supervisor has gone, and recovers with the next one', async () => {
  const supervisor = await rig.up();
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
  const view = await opened();
  const written = await view.record('written');
  await view.start('top');
  const lines = await view.shows(/> chat\/r0 +\+ ready[\s\S]*listening on http/);
  expect(lines[0]).toMatch(/^poolctl {2}\S+ {2}up \d+s +2 ready {2}\d\d:\d\d:\d\d$/);
  expect(lines[22]).toBe('enter details  l log  d drain  s start  S stop  r restart  x reset  / : ?  q');
  expect(lines[23]).toBe('');

  await view.type('d');
  await view.shows(/^drain chat\/r0\? no lease is held; the engine is stopped {2}\[y\/N\]$/m);
  await view.type('y');
  await view.shows(/^chat\/r0 drained in [\d.]+s\. To serve again: poolctl start chat\/r0$/m);
  await view.shows(/^> chat\/r0 +\. stopped/m);
  await view.type('Enter');
  await view.shows(/^ {2}\d\d:\d\d:\d\d {2}ready +-> draining/m);
  await view.type('Escape');
  await view.shows(/^── Replicas/m);

  supervisor.child.kill('SIGKILL');
  await view.shows(new RegExp(`^DISCONNECTED \\d+s: supervisor pid ${supervisor.child.pid} is gone; `, 'm'));
  await view.shows(/^> chat\/r0 +\? stopped\?/m);
  await view.type('s');
  await view.shows(/^cannot start anything: the supervisor does not answer$/m);

  await rig.up();
  await view.shows(/^poolctl[\s\S]*^> chat\/r0 +\. stopped[\s\S]*^ {2}chat\/r1 +\+ ready/m);
  await view.type('s');
  await view.type('y');
  await view.shows(/^> chat\/r0 +\+ ready/m);

  await view.type('q');
  const left = await view.shows(/^left with 0$/m);
  expect(left).toContain('left the live view; the 2 engines run on. To stop: poolctl down');
  // The screen of before is back, its first line as long as the paths of this machine, and nothing was done to what is above it.
  expect(left.slice(0, 4).join('')).toMatch(/'top' ?; ?echo/);
  expect(readFileSync(written, 'utf8')).not.toContain('\u001b[3J');
});

it('fits every size that the terminal is given, and is whole again after it was left and taken', async () => {
  await rig.up();
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
  const view = await opened();
  const written = await view.record('written');
  await view.start('status', '-w', '--read-only');
  await view.shows(/read-only {2}2 ready/);
  await view.resize({ columns: 39, rows: 10 });
  expect((await view.shows(/^too small/m))[0]).toBe('too small: 2 ready (needs 40x8)');
  await view.resize({ columns: 60, rows: 12 });
  const small = await view.shows(/^── Replicas[\s\S]*^enter details/m);
  expect(small).toHaveLength(12);
  expect(small[10]).toBe('enter details  l log  / : ?  q');
  expect(small.join('\n')).not.toMatch(/chat\/r0 log|too small/);
  await view.resize({ columns: 150, rows: 30 });
  await view.shows(/── Replicas ─+ 2 ── ── chat\/r0 ─+ \+ ready, goal up ──$[\s\S]*── chat\/r0 log ─/m);
  await view.type('C-z');
  await view.shows(/Stopped/);
  await view.type('fg', 'Enter');
  await view.shows(/^poolctl {2}[\s\S]*── chat\/r0 log ─/m);
  await view.type('C-c');
  const left = await view.shows(/^left the live view/m);
  expect(left.join('\n')).not.toContain('──');
  expect(readFileSync(written, 'utf8')).not.toContain('\u001b[3J');
});

it('goes on when nobody looks, and is whole for who looks again, at another size', async () => {
  await rig.up();
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
  const view = await opened();
  await view.start('top');
  await view.shows(/^> chat\/r0 +\+ ready/m);
  const detach = await view.attach({ columns: 120, rows: 30 });
  expect(await view.shows(/^ {2}REPLICA .* PORT .* TOK\/S [\s\S]*^enter details/m)).toHaveLength(30);
  await detach();
  await view.type('j');
  await view.shows(/^> chat\/r1 +\+ ready/m);
  await rig.run('drain', 'chat/r0');
  await view.shows(/^ {2}chat\/r0 +\. stopped/m);
  const leave = await view.attach({ columns: 70, rows: 12 });
  expect(await view.shows(/^ {2}REPLICA (?!.*PORT)[\s\S]*^enter details/m)).toHaveLength(12);
  await leave();
  await view.type('q');
  await view.shows(/^left with 0$/m);
});

it('without colour there is none, and a signal gives the terminal back', async () => {
  const view = await opened({ columns: 80, rows: 10 }, { NO_COLOR: '1', LC_ALL: 'C' });
  await view.start('top', 'chat/r1');
  await view.shows(/^NOT RUNNING: no poolctl supervisor is running; /m);
  await view.shows(/^ {2}try {3}poolctl up$/m);
  await rig.up();
  await view.shows(/^> chat\/r1 +\+ ready/m);
  expect(await view.painted()).not.toContain('\u001b[');
  expect((await view.screen()).join('\n')).toMatch(/^-- Replicas -+ 1 --$/m);
  await view.type('?');
  await view.shows(/^-- Keys/m);
  const [pid] = rig.processes().filter((each) => readFileSync(`/proc/${each}/cmdline`, 'latin1').includes('\0top\0'));
  process.kill(pid ?? 0, 'SIGTERM');
  await view.shows(/^left with 143$/m);
});

it('a selector that names nothing, and an output that is no terminal, are told and leave nothing behind', async () => {
  await rig.up();
  const view = await opened();
  await view.start('top', 'chta');
  const lines = await view.shows(/^left with 8$/m);
  expect(lines).toContain('error: cannot show "chta": there is no such pool  [POOL_NOT_FOUND]');
  expect(await rig.run('top')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/^error: cannot show the live view: .*\n {2}try: {2}poolctl status -w {2}/),
  });
});
