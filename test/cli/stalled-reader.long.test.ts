/** `up` whose own reader has stalled: a terminal after Ctrl-S, a connection that hangs, a pipe into a pager. It must not hang with him, nor grow. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Json, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30800-30809, listen: 127.0.0.1:30810 }
defaults: { restart: { backoff: { initial: 50ms, min: 50ms, jitter: 0 } }, health: { startup_interval: 50ms } }
pools:
  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "50"] }
`);
});
afterEach(() => rig.end());

const url = 'http://127.0.0.1:30810';
const post = (path: string): Promise<Response> =>
  fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
const status = async (): Promise<Json> => (await fetch(`${url}/v2/pools`)).json();

async function untilServing(): Promise<Json> {
  for (;;) {
    const seen = await status().catch(() => null);
    if (seen?.pools[0].ready === true) return seen;
    await sleep(50);
  }
}

it.each([
  // A terminal that `script` holds stands for one whose connection hangs: nobody reads what script writes, and soon script reads no more.
  ['a terminal', ['script', '-qefc', `exec "$NODE" "$PROGRAM" up --log-level debug`, '/dev/null']],
  ['a pipe', ['sh', '-c', `exec "$NODE" "$PROGRAM" up --log-level debug 2>&1 | exec sleep 600`]],
])(
  'events go on, engines are brought back, memory is bounded, and it ends when it is told to: %s',
  async (_, [file = '', ...args]) => {
    const env = { ...rig.env, SHELL: '/bin/sh', NODE: process.execPath, PROGRAM: rig.program };
    const starter: ChildProcess = spawn(file, args, { cwd: rig.dir, env, stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    starter.stdout?.pause();
    const before = await untilServing();
    const { pid } = before.supervisor;
    const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
    const atFirst = resident();
    // Some megabytes of lines: far more than terminals, pipes and our own patience hold.
    for (let round = 0; round < 120; round++) {
      const refused = await Promise.all(Array.from({ length: 100 }, () => post('/v2/pools/none/leases')));
      await Promise.all(refused.map((answer) => answer.text()));
    }
    process.kill(before.pools[0].replicas[0].pid, 'SIGKILL');
    while ((await untilServing()).pools[0].replicas[0].incarnation !== 2) await sleep(20);
    expect(resident() - atFirst).toBeLessThan(60);
    const ended = rig.run('down');
    expect((await ended).status).toBe(0);
    while (rig.processes().includes(pid)) await sleep(20);
    process.kill(-(starter.pid ?? 0), 'SIGKILL');
    await once(starter, 'close');
  },
);
