/** The inventory changed while it runs, and put to work. */

import { deepStrictEqual, equal, fail, ok } from 'node:assert/strict';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import type { PoolctlWorld } from '../world/world.js';

When('the pools are changed to:', function (this: PoolctlWorld, yaml: string) {
  this.writePools(yaml);
});

Given('the supervisor setting {string} from now on', function (this: PoolctlWorld, yaml: string) {
  this.supervisorKeys.push(yaml);
});

/** What the operator asked for is `that` in the steps after. */
When('the operator applies the inventory', async function (this: PoolctlWorld) {
  this.answer = await this.ask('POST', '/v2/inventory/apply', '{}');
  equal(this.answer.status, 200, this.answer.body);
  this.notes.set('operation before', this.notes.get('operation'));
  this.notes.set('operation', this.answer.json().operation_id);
});

Then('the plan is:', function (this: PoolctlWorld, table: DataTable) {
  const { plan } = (this.answer ?? fail('nothing was asked')).json();
  const shown = plan.map(({ pool_id, action, reasons }: Json) => [action, pool_id, reasons.join('; ')]);
  deepStrictEqual(
    shown,
    table.raw().map((row) => row.map((cell) => this.filled(cell))),
  );
});

When('I note who runs', async function (this: PoolctlWorld) {
  this.notes.set('who runs', await running(this));
});

Then('the same run as before', async function (this: PoolctlWorld) {
  deepStrictEqual(await running(this), this.notes.get('who runs'));
});

/** Of those that ran when it was noted; whoever has come since does not count. */
Then('of those that ran only {string} run in new processes', async function (this: PoolctlWorld, keys: string) {
  const [before, now] = [this.notes.get('who runs'), await running(this)];
  const changed = Object.keys(before).filter((key) => before[key] !== now[key]);
  deepStrictEqual(changed, keys.split(', '));
  for (const key of changed) ok(now[key] !== undefined, `${key} does not run any more`);
});

Then('the pools are {string}', async function (this: PoolctlWorld, names: string) {
  const { pools } = (await this.ask('GET', '/v2/pools')).json();
  equal(pools.map(({ pool_id }: Json) => pool_id).join(', '), names);
});

/** Of whatever is left: of a replica, or of a pool as a whole. */
Then('the metrics come to name no pool {string}', async function (this: PoolctlWorld, poolId: string) {
  await this.untilHolds(async () => {
    const { body } = await this.ask('GET', '/metrics');
    deepStrictEqual(
      body.split('\n').filter((line) => line.includes(`pool_id="${poolId}"`)),
      [],
    );
  });
});

When('poolctl gets SIGHUP', function (this: PoolctlWorld) {
  this.supervisor.child.kill('SIGHUP');
});

/** Each replica's pid. */
async function running(world: PoolctlWorld): Promise<Record<string, number>> {
  const { pools } = (await world.ask('GET', '/v2/pools')).json();
  return Object.fromEntries(
    pools.flatMap(({ pool_id, replicas }: Json) =>
      replicas.filter(({ pid }: Json) => pid !== null).map(({ replica_id, pid }: Json) => [`${pool_id}/${replica_id}`, pid]),
    ),
  );
}
