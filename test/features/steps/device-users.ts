/** Who uses the GPUs, as the fake tools tell it; and what else the driver says of one. */

import { deepStrictEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { After, type DataTable, Given, Then, When } from '@cucumber/cucumber';
import { parseBytes } from '../../../src/text/bytes.js';
import { fakeAmdSmi } from '../../rig/fake-amd-smi.js';
import type { FakeUser } from '../../rig/fake-nvidia-smi.js';
import { gpusOf, say } from '../world/gpus.js';
import type { PoolctlWorld } from '../world/world.js';

/** From here on nvidia-smi lists processes; without such a step it cannot tell. */
Given('nobody uses the GPUs', function (this: PoolctlWorld) {
  return list(this, []);
});

/** A real process, which sleeps until the scenario's end. */
Given(
  'GPU {int} is used by a process of {int} {word}',
  async function (this: PoolctlWorld, gpu: number, count: number, unit: string) {
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore', env: { PATH: process.env.PATH } });
    await once(stranger, 'spawn');
    this.users.push(stranger);
    return list(this, [
      ...listedBy(this),
      { gpu, pid: stranger.pid ?? 0, name: '/usr/bin/sleep', used_memory: mib(count, unit) },
    ]);
  },
);

When('the process on GPU {int} ends', async function (this: PoolctlWorld, gpu: number) {
  const pids = listedBy(this).flatMap((user) => (user.gpu === gpu ? [user.pid] : []));
  for (const stranger of this.users.filter(({ pid }) => pid !== undefined && pids.includes(pid))) await end(stranger);
  return list(
    this,
    listedBy(this).filter((user) => user.gpu !== gpu),
  );
});

/** Its engine's first process, by the pid that it has now. */
When(
  'the engine of {replica} holds {int} {word} on GPU {int}',
  async function (this: PoolctlWorld, key: string, count: number, unit: string, gpu: number) {
    const pid = await this.until(`a process of ${key}`, async () => (await this.replica(key)).pid);
    return list(this, [...listedBy(this), { gpu, pid, used_memory: mib(count, unit) }]);
  },
);

When('the driver has freed everything on GPU {int}', function (this: PoolctlWorld, gpu: number) {
  return list(
    this,
    listedBy(this).filter((user) => user.gpu !== gpu),
  );
});

When('nvidia-smi cannot tell who uses the GPUs', function (this: PoolctlWorld) {
  return say(this, { gpus: gpusOf(this), processesFail: { code: 3, text: 'Not Supported' } });
});

When(/^the driver says that GPU (\d+) needs a (reset|reboot)$/, function (this: PoolctlWorld, index: string, what: string) {
  const action = what === 'reset' ? 'Reset' : 'Reboot';
  return say(this, {
    gpus: gpusOf(this).map((gpu, at) => (at === Number(index) ? { ...gpu, gpu_recovery_action: action } : gpu)),
  });
});

/** A row a GPU; the columns are amd-smi's own fields. An empty cell is a healthy RX 7900 XTX's. */
Given('a machine with the AMD GPUs:', async function (this: PoolctlWorld, table: DataTable) {
  const gpus = table.hashes().map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => [key, /^\d+$/.test(value) ? Number(value) : value]),
    ),
  );
  const { env } = await fakeAmdSmi(join(this.rig.dir, 'amd'), { gpus, processes: [] }, { path: this.rig.env.PATH });
  Object.assign(this.rig.env, env);
});

Then('device {int} is used by:', async function (this: PoolctlWorld, position: number, table: DataTable) {
  const wanted = table.hashes().map(({ program, used, replica }) => [program, parseBytes(used ?? ''), replica || null]);
  await this.untilHolds(async () => {
    const { devices } = (await this.ask('GET', '/v2/devices')).json();
    const users = devices[position].processes ?? [];
    deepStrictEqual(
      users.map((user: Record<string, unknown>) => [
        user.program,
        user.used_bytes,
        user.pool_id === null ? null : `${user.pool_id}/${user.replica_id}`,
      ]),
      wanted,
    );
  });
});

Then(
  'the age of device {int} comes to be over {int} seconds',
  async function (this: PoolctlWorld, position: number, seconds: number) {
    await this.until(`an age over ${seconds} s`, async () => {
      const { devices } = (await this.ask('GET', '/v2/devices')).json();
      return devices[position].age_seconds > seconds || null;
    });
  },
);

Then('nobody can tell who uses device {int}', async function (this: PoolctlWorld, position: number) {
  await this.untilHolds(async () => {
    const { devices } = (await this.ask('GET', '/v2/devices')).json();
    deepStrictEqual(devices[position].processes, null);
  });
});

After(async function (this: PoolctlWorld) {
  for (const stranger of this.users) await end(stranger);
});

function listedBy({ gpus }: PoolctlWorld): readonly FakeUser[] {
  return gpus?.plan.processes ?? [];
}

function list(world: PoolctlWorld, processes: readonly FakeUser[]): Promise<void> {
  return say(world, { gpus: gpusOf(world), processes });
}

function mib(count: number, unit: string): number {
  return (parseBytes(`${count}${unit}`) ?? 0) / 2 ** 20;
}

async function end(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
