/** A server of models on this machine, which stands for the hub too, and what becomes of what it serves. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Given, Then, When } from '@cucumber/cucumber';
import { FileServer } from '../../rig/file-server.js';
import { tinyModel } from '../../rig/gguf.js';
import { at, expectCell } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

const body = tinyModel();
/** Lets what stalls go on. */
const gates = new WeakMap<PoolctlWorld, () => void>();

Given('a server of models', async function (this: PoolctlWorld) {
  this.files = await new FileServer().start();
  this.rig.env.HF_ENDPOINT = this.files.url;
});

Given('it has the model {string}', function (this: PoolctlWorld, path: string) {
  server(this).serve(path, { body });
});

Given('it has the model {string}, and cuts off whoever waits', function (this: PoolctlWorld, path: string) {
  server(this).serve(path, { body });
  server(this).cut();
});

Given('it has the model {string}, and stops after {int} bytes', function (this: PoolctlWorld, path: string, after: number) {
  const until = new Promise<void>((resolve) => gates.set(this, resolve));
  server(this).serve(path, { body, stall: { after, until } });
});

Given('it answers {int} for {string}', function (this: PoolctlWorld, status: number, path: string) {
  server(this).serve(path, { body, statuses: Array<number>(99).fill(status) });
});

When('it goes on', function (this: PoolctlWorld) {
  gates.get(this)?.();
});

Given('the model lies at {string}', function (this: PoolctlWorld, path: string) {
  mkdirSync(dirname(this.path(path)), { recursive: true });
  writeFileSync(this.path(path), body);
});

Then('it was asked {int} time(s)', function (this: PoolctlWorld, times: number) {
  equal(server(this).asked.length, times);
});

Then('it was asked last for the rest from byte {int}', function (this: PoolctlWorld, from: number) {
  equal(server(this).asked.at(-1)?.headers.range, `bytes=${from}-`);
});

Then('{string} comes to have {int} bytes', async function (this: PoolctlWorld, path: string, bytes: number) {
  await this.untilHolds(() => equal(statSync(this.path(path)).size, bytes));
});

Then('the model at {string} is whole, and alone there', function (this: PoolctlWorld, path: string) {
  const file = this.path(path);
  ok(body.equals(readFileSync(file)));
  deepStrictEqual(
    readdirSync(dirname(file)).filter((name) => file.endsWith(name) || name.includes('.part')),
    [file.slice(dirname(file).length + 1)],
  );
});

Then('there is no file {string}', function (this: PoolctlWorld, path: string) {
  equal(existsSync(this.path(path)), false);
});

When('the pool {string} is told to change to {string}', async function (this: PoolctlWorld, id: string, ref: string) {
  const body = JSON.stringify({ new_model_ref: this.filled(ref) });
  const answer = await this.ask('POST', `/v2/pools/${id}/reload`, body, { prefer: 'respond-async' });
  equal(answer.status, 202, answer.body);
  this.notes.set('operation', answer.json().operation_id);
});

Then('its reload comes to show in its first step {string}', async function (this: PoolctlWorld, detail: string) {
  await this.untilHolds(async () => {
    const answer = await this.ask('GET', `/v2/operations/${this.notes.get('operation')}`);
    expectCell(at(answer.json(), 'steps[0].detail'), detail, 'the detail');
  });
});

/** As if all connections were lost with it. */
Then('nobody fetches from it any more', async function (this: PoolctlWorld) {
  await this.untilHolds(async () => equal(await server(this).connections(), 0));
});

function server({ files }: PoolctlWorld): FileServer {
  if (files === null) throw new Error('there is no server of models');
  return files;
}
