/** What becomes of a replica, as status and events tell it. */

import { deepStrictEqual, equal, notEqual, ok } from 'node:assert/strict';
import { type DataTable, Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import { at, expectCell } from '../world/match.js';
import { isAlive } from '../world/proc.js';
import type { PoolctlWorld } from '../world/world.js';

/** The next time that it does: states that are short are not missed, and those that earlier steps saw do not count again. */
Then('{replica} becomes {state}', async function (this: PoolctlWorld, key: string, state: string) {
  await becomes(this, key, state);
});

Then('{replica} becomes {state}, told with:', async function (this: PoolctlWorld, key: string, state: string, table: DataTable) {
  const event = await becomes(this, key, state);
  for (const [path = '', expected = ''] of table.raw())
    expectCell(at(event, path), this.filled(expected), `${path} of the event`);
});

Then(
  '{replica} becomes {state} with the reason {string}',
  async function (this: PoolctlWorld, key: string, state: string, reason: string) {
    expectCell((await becomes(this, key, state)).reason, this.filled(reason), 'the reason');
  },
);

Then('{replica} is {state}', async function (this: PoolctlWorld, key: string, state: string) {
  const { state: is, why } = await this.replica(key);
  equal(is, state, `${key} is ${is}: ${why}`);
});

Then('{replica} shows:', async function (this: PoolctlWorld, key: string, table: DataTable) {
  shows(this, await this.replica(key), table);
});

Then('{replica} comes to show:', async function (this: PoolctlWorld, key: string, table: DataTable) {
  await this.untilHolds(async () => shows(this, await this.replica(key), table));
});

Then('the pool {string} shows:', async function (this: PoolctlWorld, id: string, table: DataTable) {
  shows(this, await this.pool(id), table);
});

Then('{replica} has gone through {string}', function (this: PoolctlWorld, key: string, states: string) {
  const path = this.eventsOf(key).flatMap(({ to }) => to ?? []);
  deepStrictEqual(path, states.split(', '));
});

Then('{replica} has never been {state}', function (this: PoolctlWorld, key: string, state: string) {
  deepStrictEqual(
    this.eventsOf(key).filter(({ to }) => to === state),
    [],
  );
});

Then('the waits of {replica} are {string} ms', async function (this: PoolctlWorld, key: string, waits: string) {
  const wanted = waits.split(', ').map(Number);
  const told = await this.until(`${wanted.length} waits`, () => {
    const waited = this.eventsOf(key).filter(({ event }) => event === 'replica.backoff');
    return waited.length >= wanted.length ? waited.slice(0, wanted.length) : null;
  });
  deepStrictEqual(
    told.map(({ backoff_ms }) => backoff_ms),
    wanted,
  );
  deepStrictEqual(
    told.map(({ attempt }) => attempt),
    wanted.map((_, index) => index + 1),
  );
  const times = told.map(({ next_restart_at }) => Date.parse(next_restart_at));
  for (const [index, time] of times.entries())
    ok(index === 0 || time > (times[index - 1] ?? 0), `they end at ${times.join(', ')}`);
});

Then('{replica} runs in a new process', function (this: PoolctlWorld, key: string) {
  const [before, now] = this.pidsOf(key).slice(-2);
  ok(before !== undefined && now !== undefined, `${key} has had the pids ${this.pidsOf(key).join(', ')}`);
  notEqual(now, before);
  deepStrictEqual([isAlive(before), isAlive(now)], [false, true]);
});

Then('{replica} still runs in its first process', async function (this: PoolctlWorld, key: string) {
  const [first, ...later] = this.pidsOf(key);
  deepStrictEqual(later, []);
  equal((await this.replica(key)).pid, first);
});

/** Two more good probes, however long they take. */
Then('the heart of {replica} beats on', async function (this: PoolctlWorld, key: string) {
  let before = Number.NEGATIVE_INFINITY;
  for (let beats = 0; beats < 3; beats += 1) {
    before = await this.until(`a heartbeat of ${key}`, async () => {
      const { last_heartbeat_ms: beat } = await this.replica(key);
      return beat > before ? beat : null;
    });
  }
});

When('{replica} has missed {int} probes in a row', async function (this: PoolctlWorld, key: string, count: number) {
  await this.nextOf(
    key,
    `misses ${count} probes`,
    ({ event, failure_count }) => event === 'probe.failed' && failure_count === count,
  );
});

function becomes(world: PoolctlWorld, key: string, state: string): Promise<Json> {
  return world.nextOf(key, `becomes ${state}`, ({ to }) => to === state);
}

function shows(world: PoolctlWorld, view: Json, table: DataTable): void {
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(view, path), world.filled(expected), path);
}
