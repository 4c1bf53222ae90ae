/** Drains, and the wishes that go with them: asked over the socket, followed by their operation. */

import { equal, ok } from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type DataTable, Then, When } from '@cucumber/cucumber';
import { parseDuration } from '../../../src/text/duration.js';
import type { Json } from '../../rig/poolctl.js';
import { ask } from '../world/ask.js';
import { at, expectCell } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

/** Below the limit of a step, so that what was waited for is told. */
const patienceMs = 45_000;

/** `POOL` or `POOL/rN`. */
When(/^the operator (drain|start|stop|restart)s "([^"]+)"$/, function (this: PoolctlWorld, verb: string, place: string) {
  return wish(this, verb, place, {});
});

When('the operator drains {string} within {string}', function (this: PoolctlWorld, place: string, deadline: string) {
  return wish(this, 'drain', place, { deadline_ms: parseDuration(deadline) });
});

When('the operator lets the drain of {string} last for {string}', function (this: PoolctlWorld, place: string, time: string) {
  return wish(this, 'drain', place, { deadline_ms: parseDuration(time), extend: true });
});

When('the operator restarts {string} without a drain', function (this: PoolctlWorld, place: string) {
  return wish(this, 'restart', place, { now: true });
});

When('the operator asks to drain {string} and hangs up', function (this: PoolctlWorld, poolId: string) {
  return sayAndHangUp(this, `POST /v2/pools/${poolId}/drain`);
});

When('the operator waits for that and hangs up', function (this: PoolctlWorld) {
  return sayAndHangUp(this, `GET ${operationPath(this)}?wait_ms=60000`);
});

Then('that is under way, with:', async function (this: PoolctlWorld, table: DataTable) {
  const operation = await operationAfter(this, 0);
  equal(operation.state, 'running', JSON.stringify(operation));
  shows(this, operation, table);
});

Then('that comes to its end, with:', async function (this: PoolctlWorld, table: DataTable) {
  const operation = await operationAfter(this, patienceMs);
  ok(operation.state !== 'running', `${JSON.stringify(operation)}\n${this.told()}`);
  shows(this, operation, table);
});

Then('that is the operation of before', function (this: PoolctlWorld) {
  equal(this.notes.get('operation'), this.notes.get('operation before'));
});

Then('the operation of before ended with:', async function (this: PoolctlWorld, table: DataTable) {
  const answer = await this.ask('GET', `/v2/operations/${this.notes.get('operation before')}`);
  equal(answer.status, 200, answer.body);
  shows(this, answer.json(), table);
});

/** It begins at once, and does not end before it is let; whoever asks waits for all of it. */
When('a request of {int} tokens runs on {replica}', async function (this: PoolctlWorld, tokens: number, key: string) {
  await this.order(key, 'mute');
  const engine = { host: '127.0.0.1', port: (await this.replica(key)).port };
  const answer = ask(
    { ...engine, method: 'POST', path: '/completion' },
    JSON.stringify({ prompt: 'on and on', n_predict: tokens }),
  );
  this.notes.set('request', { tokens, port: engine.port, answer: answer.catch(() => null) });
  await this.untilHolds(async () => {
    const slots = (await ask({ ...engine, path: '/slots' })).json();
    equal(slots.filter((slot: Json) => slot.is_processing).length, 1);
  });
});

Then('that request comes to its end, and is answered in full', async function (this: PoolctlWorld) {
  const { tokens, port, answer } = this.notes.get('request');
  await ask({ host: '127.0.0.1', port, method: 'POST', path: '/demo/healthy' });
  const { status, json } = (await answer) ?? {};
  equal(status, 200, 'it was cut off');
  equal(json().content.trim().split(' ').length, tokens);
});

Then('that request is cut off', async function (this: PoolctlWorld) {
  equal(await this.notes.get('request').answer, null);
});

/** By what was told, in its order: from the moment in which all of them were, one was at any time. */
Then('the pool {string} has never been without a ready replica', async function (this: PoolctlWorld, poolId: string) {
  const { replicas } = await this.pool(poolId);
  const ready = new Set<string>();
  let all = false;
  for (const { pool_id, replica_id, from, to, human } of this.events()) {
    if (pool_id !== poolId || to === undefined) continue;
    if (to === 'ready') ready.add(replica_id);
    else if (from === 'ready') ready.delete(replica_id);
    all ||= ready.size === replicas.length;
    ok(!all || ready.size > 0, `none is ready any more: ${human}`);
  }
  ok(all, 'there was no moment in which all were ready');
});

async function wish(world: PoolctlWorld, verb: string, place: string, more: Json): Promise<void> {
  const [poolId, replica_id = null] = place.split('/');
  const fields = replica_id === null ? more : { replica_id, ...more };
  world.answer = await world.ask('POST', `/v2/pools/${poolId}/${verb}`, JSON.stringify(fields));
  equal(world.answer.status, 202, world.answer.body);
  world.notes.set('operation before', world.notes.get('operation'));
  world.notes.set('operation', world.answer.json().operation_id);
}

/** The whole request is on its way when the connection goes; its answer finds nobody. */
async function sayAndHangUp({ rig }: PoolctlWorld, request: string): Promise<void> {
  const socket = connect(join(rig.state, 'poolctl.sock'));
  const head = [`${request} HTTP/1.1`, 'Host: poolctl', 'Content-Type: application/json', 'Content-Length: 2'];
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.write(`${head.join('\r\n')}\r\n\r\n{}`, () => resolve());
  });
  socket.destroy();
}

async function operationAfter(world: PoolctlWorld, waitMs: number): Promise<Json> {
  const answer = await world.ask('GET', `${operationPath(world)}?wait_ms=${waitMs}`);
  equal(answer.status, 200, answer.body);
  return answer.json();
}

const operationPath = ({ notes }: PoolctlWorld): string => `/v2/operations/${notes.get('operation')}`;

function shows(world: PoolctlWorld, operation: Json, table: DataTable): void {
  for (const [path = '', expected = ''] of table.raw())
    expectCell(at(operation, path), world.filled(expected), `${path} of the operation`);
}
