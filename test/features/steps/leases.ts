/** Clients that lease slots; each goes by a name, which is the holder of its lease. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { type DataTable, Then, When } from '@cucumber/cucumber';
import { parseDuration } from '../../../src/text/duration.js';
import type { PoolctlWorld } from '../world/world.js';

/** `POOL` or `POOL/rN`. */
When('{word} leases {string}', function (this: PoolctlWorld, client: string, place: string) {
  return lease(this, client, place, null);
});

When('{word} leases {string} for {string}', function (this: PoolctlWorld, client: string, place: string, ttl: string) {
  return lease(this, client, place, parseDuration(ttl));
});

When('{word} renews', function (this: PoolctlWorld, client: string) {
  return renew(this, client, '{}');
});

When('{word} renews for {string}', function (this: PoolctlWorld, client: string, ttl: string) {
  return renew(this, client, JSON.stringify({ ttl_ms: parseDuration(ttl) }));
});

When('{word} gives the lease back', async function (this: PoolctlWorld, client: string) {
  this.answer = await this.ask('DELETE', `/v2/leases/${idOf(this, client)}`);
  equal(this.answer.status, 204, this.answer.body);
});

Then('{word} has a slot of {replica}', function (this: PoolctlWorld, client: string, key: string) {
  const { answer } = this;
  ok(answer !== null && (answer.status === 201 || answer.status === 200), answer?.body);
  const { pool_id, replica_id, holder } = answer.json();
  deepStrictEqual({ holder, key: `${pool_id}/${replica_id}` }, { holder: client, key });
});

Then('{word} is refused with {int} {word}', function (this: PoolctlWorld, _: string, status: number, code: string) {
  const { answer } = this;
  deepStrictEqual({ status: answer?.status, code: answer?.json().error?.code }, { status, code }, answer?.body);
});

Then('these hold leases:', async function (this: PoolctlWorld, table: DataTable) {
  deepStrictEqual(await held(this), table.raw());
});

Then('nobody holds a lease any more', async function (this: PoolctlWorld) {
  await this.untilHolds(async () => deepStrictEqual(await held(this), []));
});

async function lease(world: PoolctlWorld, client: string, place: string, ttl_ms: number | null): Promise<void> {
  const [poolId, replica_id = null] = place.split('/');
  const answer = await world.ask('POST', `/v2/pools/${poolId}/leases`, JSON.stringify({ holder: client, replica_id, ttl_ms }));
  if (answer.status === 201) world.notes.set(`lease of ${client}`, answer.json().lease_id);
  world.answer = answer;
}

async function renew(world: PoolctlWorld, client: string, body: string): Promise<void> {
  world.answer = await world.ask('POST', `/v2/leases/${idOf(world, client)}/renew`, body);
}

function idOf({ notes }: PoolctlWorld, client: string): string {
  const id = notes.get(`lease of ${client}`);
  ok(typeof id === 'string', `${client} has never had a lease`);
  return id;
}

/** Who, and of which replica, the oldest first. */
async function held(world: PoolctlWorld): Promise<readonly (readonly string[])[]> {
  const { leases } = (await world.ask('GET', '/v2/leases')).json();
  return leases.map(({ holder, pool_id, replica_id }: Record<string, string>) => [holder, `${pool_id}/${replica_id}`]);
}
