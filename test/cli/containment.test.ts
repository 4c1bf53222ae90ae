/**
 * Engines that fork somebody who leaves everything behind: session, group, environment, log, parent. In a cgroup of its own nothing of an engine is
 * lost, and stopped means that the kernel shows nobody.
 */

import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registryFile } from '../../src/host/paths.js';
import { isAlive, type ProcessStat, readStat } from '../../src/host/proc.js';
import { until } from '../host/scratch.js';
import { type Cgroup, type CgroupWish, makeCgroup, whyNoCgroups } from '../rig/cgroups.js';
import { Rig } from '../rig/poolctl.js';

const why = whyNoCgroups();
if (why !== null) process.stderr.write(`SKIPPED: engines in cgroups of their own: ${why}\n`);

/** Forks somebody who goes on without session, group and parent of the engine, without its variables and its log, and deaf to TERM. */
const engine = `(env -i PATH="$PATH" setsid /bin/sh "$1" "$2" </dev/null >/dev/null 2>&1 &)
while [ ! -e "$2" ]; do sleep 0.01; done
exec sleep 4321
`;
const fleeing = `trap "" TERM
cd /
echo $$ >"$1.new"
mv "$1.new" "$1"
while :; do sleep 1234; done
`;

let rig: Rig;
let cgroups: Cgroup[];
let fled: string;
beforeEach(() => {
  rig = new Rig();
  cgroups = [];
  fled = join(rig.dir, 'fled');
  const scripts = { engine, fleeing };
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(rig.dir, name), text);
  rig.inventory(`version: 1
supervisor: { ports: 31210-31219 }
pools:
  chat:
    engine: command
    command: [/bin/sh, ${join(rig.dir, 'engine')}, ${join(rig.dir, 'fleeing')}, ${fled}]
    device_masks: [cpu]
    health: { path: none, min_uptime: 100ms }
    stop: { grace: 1s }
    restart: { backoff: { initial: 10ms, min: 0ms } }
`);
});
afterEach(async () => {
  await rig.end();
  for (const each of cgroups) await each.remove();
});

function under(wish: CgroupWish = {}): Cgroup {
  const cgroup = makeCgroup(wish);
  cgroups.push(cgroup);
  rig.within = cgroup.within;
  return cgroup;
}

async function upAndReady(): Promise<Awaited<ReturnType<Rig['up']>>> {
  const supervisor = await rig.up();
  expect(await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s')).toMatchObject({ status: 0 });
  return supervisor;
}

/** Ended, and up again in another place. */
async function restarted(within: readonly string[]): Promise<Awaited<ReturnType<Rig['up']>>> {
  await rig.run('down');
  rig.within = within;
  return upAndReady();
}

/** The one that the present engine has forked, who has left everything by now. */
async function fugitive(): Promise<ProcessStat> {
  const pid = Number(await until(() => existsSync(fled) && readFileSync(fled, 'utf8')));
  const seen = readStat(pid);
  if (seen === null) throw new Error('it has ended');
  const { pid: leader } = await replica();
  expect(seen.pgrp).not.toBe(leader);
  expect(seen.ppid).not.toBe(leader);
  rmSync(fled);
  return seen;
}

async function replica() {
  const { supervisor, pools } = await rig.json('status');
  return { containment: supervisor.containment, ...pools[0].replicas[0] };
}

const containmentOf = async (): Promise<unknown> =>
  (await rig.json('doctor')).checks.find(({ name }: { readonly name: string }) => name === 'containment');

describe.skipIf(why !== null)('in a cgroup that is ours (skipped where none can be made)', () => {
  it('stopped means that nobody is left, not even one who left everything behind', async () => {
    const { below } = under();
    const supervisor = await upAndReady();
    const one = await fugitive();
    const { containment, pid } = await replica();
    expect(containment).toBe('cgroup');
    expect(await containmentOf()).toMatchObject({ ok: true, detail: expect.stringMatching(/^cgroup: /) });
    expect(readFileSync(`/proc/${one.pid}/cgroup`, 'utf8')).toBe(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
    expect(below()).toContainEqual(expect.stringMatching(/^\/poolctl-[0-9a-f]{12}\/chat\.r0\.[^/]+$/));
    expect(await rig.run('stop', 'chat')).toMatchObject({ status: 0 });
    expect(isAlive(one)).toBe(false);
    await rig.run('down');
    await supervisor.ended;
    expect(below()).toEqual(['']);
  });

  it('a crash is not followed by the next engine before everybody of the last one has gone', async () => {
    under();
    await upAndReady();
    const one = await fugitive();
    const { pid } = await replica();
    process.kill(pid, 'SIGKILL');
    const next = await until(async () => {
      const now = await replica();
      return now.incarnation === 2 && now.pid !== null && now;
    });
    expect(isAlive(one)).toBe(false);
    expect(next.pid).not.toBe(pid);
  });

  it('the next supervisor finds the cgroups of engines that it takes over, though it runs in another one', async () => {
    const first = under();
    const killed = await upAndReady();
    const one = await fugitive();
    const { pid } = await replica();
    killed.child.kill('SIGKILL');
    await killed.ended;
    const second = under();
    const { ended } = await upAndReady();
    expect(await replica()).toMatchObject({ pid, adopted: true, containment: 'cgroup' });
    expect(await rig.run('restart', 'chat', '--now')).toMatchObject({ status: 0 });
    expect(isAlive(one)).toBe(false);
    expect(second.below()).toHaveLength(3);
    await rig.run('down');
    await ended;
    expect([...first.below(), ...second.below()].filter((dir) => dir.includes('chat'))).toEqual([]);
  });

  it.each([
    ['in the very cgroup that it is started in again', () => {}],
    ['though its registry is lost', () => rmSync(registryFile(rig.state))],
  ] as const)('it finds whom an engine that has died with its supervisor left, %s', async (_, lose) => {
    under();
    const killed = await upAndReady();
    const one = await fugitive();
    const { pid } = await replica();
    killed.child.kill('SIGKILL');
    await killed.ended;
    process.kill(pid, 'SIGKILL');
    lose();
    await upAndReady();
    expect(isAlive(one)).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)('a user to whom a cgroup is delegated has all of that, and no other cgroup', async () => {
    const user = 54_321;
    chownSync(rig.dir, user, user);
    under({ user });
    await upAndReady();
    const one = await fugitive();
    expect(await replica()).toMatchObject({ containment: 'cgroup' });
    expect(await rig.run('stop', 'chat')).toMatchObject({ status: 0 });
    expect(isAlive(one)).toBe(false);
    const supervisor = await restarted([
      '/bin/sh',
      '-c',
      'exec setpriv "$@"',
      'sh',
      `--reuid=${user}`,
      `--regid=${user}`,
      '--clear-groups',
      '--',
    ]);
    expect(await replica()).toMatchObject({ containment: 'group' });
    process.kill((await fugitive()).pid, 'SIGKILL');
    await rig.run('down');
    await supervisor.ended;
  });

  it('where nothing is delegated, engines are held together by their groups, and that is said', async () => {
    under({ childless: true });
    await upAndReady();
    const one = await fugitive();
    try {
      expect(await replica()).toMatchObject({ containment: 'group', state: 'ready' });
      expect(await containmentOf()).toMatchObject({ ok: true, detail: expect.stringMatching(/^group: /) });
      expect(await rig.run('stop', 'chat')).toMatchObject({ status: 0 });
      // What the others show is owed to the cgroup: nothing else knows this one.
      expect(isAlive(one)).toBe(true);
    } finally {
      process.kill(one.pid, 'SIGKILL');
      await until(() => !isAlive(one));
    }
    await rig.run('down');
  });
});
