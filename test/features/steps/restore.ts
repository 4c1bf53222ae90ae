/** What a supervisor leaves to the next one. */

import { deepStrictEqual } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import { isAlive } from '../world/proc.js';
import type { PoolctlWorld } from '../world/world.js';

When('I note the replicas of {string}', async function (this: PoolctlWorld, poolId: string) {
  this.notes.set(`replicas of ${poolId}`, (await this.pool(poolId)).replicas);
});

Then(/^the replicas of "([^"]+)" have kept their (.+)$/, async function (this: PoolctlWorld, poolId: string, fields: string) {
  const kept = (replicas: Json): Json =>
    replicas.map((replica: Json) => Object.fromEntries(fields.split(', ').map((field) => [field, replica[field]])));
  deepStrictEqual(kept((await this.pool(poolId)).replicas), kept(this.notes.get(`replicas of ${poolId}`)));
});

Then('the engine of {replica} is soon gone', async function (this: PoolctlWorld, key: string) {
  const pid = this.pidOf(key);
  await this.until(`the end of pid ${pid}`, () => (isAlive(pid) ? null : true));
});

/** Whatever a supervisor has told a moment ago may not be on disk yet; what is meant here is what it has. */
When('poolctl has written down what is and dies of SIGKILL', async function (this: PoolctlWorld) {
  await this.untilHolds(async () => {
    const written = JSON.parse(readFileSync(registry(this), 'utf8'));
    const now = (await this.ask('GET', '/v2/pools')).json().pools;
    deepStrictEqual(replicasIn(written.status.pools), replicasIn(now));
    const { leases } = (await this.ask('GET', '/v2/leases')).json();
    deepStrictEqual(
      written.state.leases.map(({ id }: { id: string }) => id),
      leases.map(({ lease_id }: { lease_id: string }) => lease_id),
    );
  });
  this.supervisor.child.kill('SIGKILL');
  await this.supervisor.ended;
});

/** What a crash of the machine may leave of a file that was just written. */
const torn: Readonly<Record<string, (whole: Buffer) => Buffer>> = {
  nothing: (whole) => whole.subarray(0, 0),
  'its first byte': (whole) => whole.subarray(0, 1),
  'its first half': (whole) => whole.subarray(0, whole.length / 2),
  'all but its last brace': (whole) => whole.subarray(0, -2),
  'all but its last line break': (whole) => whole.subarray(0, -1),
  'its first half, then zeros': (whole) => Buffer.concat([whole.subarray(0, whole.length / 2)], whole.length),
  'only zeros': (whole) => Buffer.alloc(whole.length),
};

When(/^of the registry there is (.+) left$/, function (this: PoolctlWorld, what: string) {
  const path = registry(this);
  const tear = torn[what];
  if (tear === undefined) throw new Error(`nobody knows how to leave "${what}"`);
  writeFileSync(path, tear(readFileSync(path)));
});

When(/^"([^"]+)" of the registry is changed to (.+)$/, function (this: PoolctlWorld, way: string, value: string) {
  const content = JSON.parse(readFileSync(registry(this), 'utf8'));
  const steps = way.split('.');
  const last = steps.pop() ?? '';
  const place = steps.reduce((here, step) => here[step], content);
  if (!(last in place)) throw new Error(`the registry has no ${way}`);
  place[last] = JSON.parse(this.filled(value));
  writeFileSync(registry(this), JSON.stringify(content));
});

function replicasIn(pools: Json): Json {
  return pools.map(({ replicas }: Json) =>
    replicas.map(({ state, goal, pid, incarnation, crashes_total }: Json) => ({ state, goal, pid, incarnation, crashes_total })),
  );
}

function registry({ rig }: PoolctlWorld): string {
  return join(rig.state, 'state.json');
}
