/** Crash loops, breakers, storms: what happens to many launches. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { Given, Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import { makeMemoryCgroup } from '../world/cgroup.js';
import type { PoolctlWorld } from '../world/world.js';

Then('every replica of {string} is ready', async function (this: PoolctlWorld, poolId: string) {
  await this.untilHolds(async () => {
    const { replicas } = await this.pool(poolId);
    deepStrictEqual(
      replicas.map(({ state }: Json) => state),
      replicas.map(() => 'ready'),
    );
  });
});

Then('every replica of {string} becomes ready again', async function (this: PoolctlWorld, poolId: string) {
  await this.until(`all of ${poolId} ready again`, async () => {
    const { replicas } = await this.pool(poolId);
    return replicas.every(({ state, incarnation }: Json) => state === 'ready' && incarnation > 1) || null;
  });
});

When('all engines of {string} get {word}', async function (this: PoolctlWorld, poolId: string, signal: NodeJS.Signals) {
  const { replicas } = await this.pool(poolId);
  for (const { pid } of replicas) process.kill(pid, signal);
});

When('the engine of {replica} dies {int} times in a row', async function (this: PoolctlWorld, key: string, times: number) {
  for (let died = 0; died < times; died += 1) {
    const { pid, incarnation } = await this.until(`${key} ready after ${died} deaths`, async () => {
      const replica = await this.replica(key);
      return replica.state === 'ready' && replica.incarnation > died ? replica : null;
    });
    process.kill(pid, 'SIGKILL');
    await this.until(`the death of incarnation ${incarnation}`, async () => {
      const { last_exit } = await this.replica(key);
      return last_exit?.incarnation === incarnation || null;
    });
  }
});

Then(
  'the first waits of {string} lie between {int} and {int} ms, and apart',
  async function (this: PoolctlWorld, poolId: string, least: number, most: number) {
    const { replicas } = await this.pool(poolId);
    const waits = await this.until('a wait of each', () => {
      const first = replicas.map(({ replica_id }: Json) =>
        this.eventsOf(`${poolId}/${replica_id}`).find(({ event }) => event === 'replica.backoff'),
      );
      return first.every((each: Json) => each !== undefined) ? first.map(({ backoff_ms }: Json) => backoff_ms as number) : null;
    });
    for (const wait of waits) ok(wait >= least && wait <= most, `the waits are ${waits.join(', ')}`);
    ok(new Set(waits).size > 1, `all wait ${waits[0]} ms`);
  },
);

Then('the breaker of {replica} has gone through {string}', function (this: PoolctlWorld, key: string, states: string) {
  const changes = this.eventsOf(key).filter(({ event, breaker }) => event === 'breaker.changed' && breaker === 'general');
  deepStrictEqual(
    changes.map(({ new_state }) => new_state),
    states.split(', '),
  );
});

Then('{replica} was launched {int} times', function (this: PoolctlWorld, key: string, times: number) {
  deepStrictEqual(this.pidsOf(key).length, times);
});

Then(
  '{replica} has been broken for {int} and then for {int} ms',
  async function (this: PoolctlWorld, key: string, first: number, second: number) {
    const broken = this.eventsOf(key).filter(({ event }) => event === 'replica.broken');
    deepStrictEqual(
      broken.slice(0, 2).map(({ backoff_ms }) => backoff_ms),
      [first, second],
    );
  },
);

Then(
  'no more than {int} restarts of {string} came in any {int} ms',
  function (this: PoolctlWorld, limit: number, poolId: string, windowMs: number) {
    const restarts = this.events()
      .filter(({ event, pool_id, reason }) => event === 'replica.starting' && pool_id === poolId && reason === 'crash')
      .map(({ time }) => Date.parse(time));
    ok(restarts.length > limit, `there were only ${restarts.length}`);
    for (const [at, time] of restarts.entries()) {
      const next = restarts[at + limit];
      // A launch is told a moment after the gate has let it through.
      ok(next === undefined || next - time > windowMs - 100, `restarts at ${restarts.join(', ')}`);
    }
  },
);

When(
  'the engine of {replica} is told to print {string} and to {string}',
  async function (this: PoolctlWorld, key: string, line: string, end: string) {
    await this.order(key, `print?text=${encodeURIComponent(line)}`);
    await this.order(key, `${end}${end.includes('?') ? '&' : '?'}after=1ms`);
  },
);

/** `name{label="value"}`, of one replica; a counter that was never raised is 0, and absent is no number. */
Then(
  /^the metric (\w+)(?:\{(.*)\})? of (\S+) is (\d+)$/,
  async function (this: PoolctlWorld, name: string, more: string | undefined, key: string, value: number) {
    const [poolId, replicaId] = key.split('/');
    await this.untilHolds(async () => {
      const { body } = await this.ask('GET', '/metrics');
      const samples = body.split('\n').filter((line) => line.startsWith(`${name}{`));
      const wanted = [`pool_id="${poolId}"`, `replica_id="${replicaId}"`, ...(more === undefined ? [] : [more])];
      const found = samples.filter((line) => wanted.every((label) => line.includes(label)));
      equal(found.length, 1, `${found.length} samples: ${found.join(' ')}`);
      equal(Number(found[0]?.split(' ').at(-1)), value, found[0]);
    });
  },
);

When('somebody asks {replica} about {string}', async function (this: PoolctlWorld, key: string, prompt: string) {
  const { url } = await this.replica(key);
  const answer = await fetch(`${url}/completion`, { method: 'POST', body: JSON.stringify({ prompt, n_predict: 2 }) });
  equal(answer.status, 200);
  await answer.text();
});

/** Skips the scenario where the machine lets us make none. */
Given('a memory cgroup of {int} MiB', function (this: PoolctlWorld, mebibytes: number) {
  this.cgroup = makeMemoryCgroup(`poolctl-test-${this.port}`, mebibytes);
  return this.cgroup === null ? 'skipped' : undefined;
});

/** The answer is waited for later. */
When('somebody asks {replica} for {int} tokens', async function (this: PoolctlWorld, key: string, tokens: number) {
  const { url } = await this.replica(key);
  const body = JSON.stringify({ prompt: 'on and on', n_predict: tokens, stream: true });
  const answer = await fetch(`${url}/completion`, { method: 'POST', body });
  equal(answer.status, 200);
  this.asked = { tokens, text: answer.text().catch(() => null) };
});

Then('that somebody gets all of them', async function (this: PoolctlWorld) {
  const text = await this.asked?.text;
  ok((text?.match(/^data: /gm) ?? []).length >= (this.asked?.tokens ?? 1), `only ${text}`);
});

Then('that somebody is cut off', async function (this: PoolctlWorld) {
  const text = await this.asked?.text;
  ok(text === null || (text?.match(/^data: /gm) ?? []).length < (this.asked?.tokens ?? 0), 'nobody was cut off');
});
