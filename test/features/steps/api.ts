/** Requests to the supervisor's HTTP API. */

import { equal, ok } from 'node:assert/strict';
import { type DataTable, Then, When } from '@cucumber/cucumber';
import type { Answer } from '../world/ask.js';
import { at, expectCell, expectShape } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

When('I {word} {string}', async function (this: PoolctlWorld, method: string, path: string) {
  this.answer = await this.ask(method, noted(this, path));
});

When('I {word} {string} with {string}', async function (this: PoolctlWorld, method: string, path: string, body: string) {
  this.answer = await this.ask(method, noted(this, path), body);
});

When(
  'I {word} {string} with the header {string}',
  async function (this: PoolctlWorld, method: string, path: string, header: string) {
    const [name = '', value = ''] = header.split(': ');
    this.answer = await this.ask(method, noted(this, path), undefined, { [name]: value });
  },
);

When('I POST {string} with the text {string}', async function (this: PoolctlWorld, path: string, body: string) {
  this.answer = await this.ask('POST', path, body, { 'content-type': 'text/plain' });
});

When('I POST {string} with {int} KiB', async function (this: PoolctlWorld, path: string, size: number) {
  this.answer = await this.ask('POST', path, JSON.stringify({ replica_id: 'x'.repeat(size * 1024) }));
});

Then('the answer is {int}', function (this: PoolctlWorld, status: number) {
  const { status: is, body } = answerOf(this);
  equal(is, status, body);
});

Then('the answer is {int} and:', function (this: PoolctlWorld, status: number, json: string) {
  const answer = answerOf(this);
  equal(answer.status, status, answer.body);
  expectShape(answer.json(), JSON.parse(this.filled(json)), '');
});

Then('the answer is {int} with:', function (this: PoolctlWorld, status: number, table: DataTable) {
  const answer = answerOf(this);
  equal(answer.status, status, answer.body);
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(answer.json(), path), this.filled(expected), path);
});

/** One request a row: what is sent, the status, and fields of the answer. One supervisor is enough for what changes nothing. */
Then('each of these is answered so:', async function (this: PoolctlWorld, table: DataTable) {
  for (const { method = '', path = '', body, status = '', allow, ...fields } of table.hashes()) {
    const where = `${method} ${path} ${body ?? ''}`.trim();
    const answer = await this.ask(method, path, body);
    equal(answer.status, Number(status), `${where}: ${answer.body}`);
    if (allow !== undefined) expectCell(answer.headers.allow, allow, `${where}: allow`);
    for (const [field, expected] of Object.entries(fields)) expectCell(at(answer.json(), field), expected, `${where}: ${field}`);
  }
});

Then('the answer has no body', function (this: PoolctlWorld) {
  equal(answerOf(this).body, '');
});

Then('the header {string} of the answer is {string}', function (this: PoolctlWorld, name: string, expected: string) {
  expectCell(answerOf(this).headers[name.toLowerCase()], expected, name);
});

/** `{operation}` in later paths. */
Then('I note the operation', function (this: PoolctlWorld) {
  const { operation_id } = answerOf(this).json();
  ok(typeof operation_id === 'string', 'it has an operation_id');
  this.notes.set('operation', operation_id);
});

function answerOf({ answer }: PoolctlWorld): Answer {
  if (answer === null) throw new Error('nothing was asked');
  return answer;
}

function noted(world: PoolctlWorld, path: string): string {
  return path.replace('{operation}', world.notes.get('operation'));
}
