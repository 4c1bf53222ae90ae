/** Reloads, and those who lease slots and send requests meanwhile. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { After, Given, Then, When } from '@cucumber/cucumber';
import { parseDuration } from '../../../src/text/duration.js';
import type { Json } from '../../rig/poolctl.js';
import type { PoolctlWorld } from '../world/world.js';

type Clients = { stop: boolean; readonly answers: string[]; readonly failures: string[]; done: Promise<unknown> };

const clientsOf = new WeakMap<PoolctlWorld, Clients>();

/** The demo engine never reads one. */
Given('the models {string}', function (this: PoolctlWorld, names: string) {
  for (const name of names.split(', ')) writeFileSync(this.path(name), `the weights of ${name}\n`);
});

/** Answered when it is over. */
When('{string} is reloaded to {string}', function (this: PoolctlWorld, poolId: string, name: string) {
  return reload(this, poolId, { new_model_ref: this.path(name) });
});

When('{string} is reloaded to {string} within {string}', function (this: PoolctlWorld, poolId: string, name: string, ms: string) {
  return reload(this, poolId, { new_model_ref: this.path(name), drain_deadline_ms: parseDuration(ms) });
});

When(
  '{string} is reloaded to {string} of the digest {word}',
  function (this: PoolctlWorld, poolId: string, name: string, digest: string) {
    return reload(this, poolId, { new_model_ref: this.path(name), digest: `sha256:${digest.repeat(64)}` });
  },
);

When('a reload of {string} to {string} begins', async function (this: PoolctlWorld, poolId: string, name: string) {
  await reload(this, poolId, { new_model_ref: this.path(name) }, { prefer: 'respond-async' });
  equal(this.answer?.status, 202, this.answer?.body);
  this.notes.set('operation', this.answer?.json().operation_id);
});

Then('the reload comes to its end with {string}', async function (this: PoolctlWorld, outcome: string) {
  this.answer = await this.ask('GET', `/v2/operations/${this.notes.get('operation')}?wait_ms=45000`);
  equal(this.answer.json().outcome, outcome, this.answer.body);
});

Then('the replicas of {string} have the models {string}', async function (this: PoolctlWorld, poolId: string, models: string) {
  const { replicas } = await this.pool(poolId);
  deepStrictEqual(
    replicas.map(({ model_ref }: Json) => model_ref).map((path: string) => path.replace(/.*\//, '')),
    models.split(', '),
  );
});

/** By what it tells: after all were ready for the first time. */
Then('{string} has never been without a ready replica', async function (this: PoolctlWorld, poolId: string) {
  const { replicas } = await this.pool(poolId);
  const ready = new Set<string>();
  let begun = false;
  for (const { pool_id, replica_id, to, time } of this.events()) {
    if (pool_id !== poolId || replica_id === undefined || to === undefined) continue;
    if (to === 'ready') ready.add(replica_id);
    else ready.delete(replica_id);
    begun ||= ready.size === replicas.length;
    ok(!begun || ready.size > 0, `none was ready at ${time}`);
  }
  ok(begun, 'all have been ready');
});

/** Each leases, asks, gives back, and begins again. */
When('{int} clients of {string} are at work', async function (this: PoolctlWorld, count: number, poolId: string) {
  const clients: Clients = { stop: false, answers: [], failures: [], done: Promise.resolve() };
  clients.done = Promise.all(Array.from({ length: count }, () => work(this, poolId, clients)));
  clientsOf.set(this, clients);
  await this.until('answers to all of them', () => (clients.answers.length >= count ? true : null));
});

When('the clients have come home', async function (this: PoolctlWorld) {
  await goHome(this);
});

Then(
  'every request under a lease was answered, by {string} and by {string}',
  function (this: PoolctlWorld, one: string, other: string) {
    const { answers = [], failures = [] } = clientsOf.get(this) ?? {};
    deepStrictEqual(failures, []);
    deepStrictEqual([...new Set(answers)], [one, other]);
  },
);

After(async function (this: PoolctlWorld) {
  await goHome(this);
});

async function reload(world: PoolctlWorld, poolId: string, body: object, headers: Record<string, string> = {}): Promise<void> {
  world.answer = await world.ask('POST', `/v2/pools/${poolId}/reload`, JSON.stringify(body), headers);
}

async function work(world: PoolctlWorld, poolId: string, clients: Clients): Promise<void> {
  while (!clients.stop) {
    const lease = await world.ask('POST', `/v2/pools/${poolId}/leases`, '{}');
    if (lease.status === 429) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    if (lease.status !== 201) {
      clients.failures.push(`no lease: ${lease.body}`);
      return;
    }
    const { lease_id, url } = lease.json();
    try {
      const answer = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        body: JSON.stringify({ prompt: 'x', max_tokens: 3 }),
      });
      const body = (await answer.json()) as Json;
      if (answer.status === 200) clients.answers.push(body.model);
      else clients.failures.push(`${answer.status}: ${JSON.stringify(body)}`);
    } catch (error) {
      clients.failures.push(String(error));
    }
    const returned = await world.ask('DELETE', `/v2/leases/${lease_id}`);
    if (returned.status !== 204) clients.failures.push(`not given back: ${returned.body}`);
  }
}

async function goHome(world: PoolctlWorld): Promise<void> {
  const clients = clientsOf.get(world);
  if (clients === undefined) return;
  clients.stop = true;
  await clients.done;
}
