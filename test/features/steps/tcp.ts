/** The API on TCP: where `listen` says, at the scenario's last port. */

import { deepStrictEqual, ok } from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import { ask } from '../world/ask.js';
import { isAlive } from '../world/proc.js';
import type { PoolctlWorld } from '../world/world.js';

const lastPort = 9;

Given('it listens on TCP', function (this: PoolctlWorld) {
  this.supervisorKeys.push(`listen: 127.0.0.1:{port+${lastPort}}`);
});

Given('the token {string} in the file {string}', function (this: PoolctlWorld, token: string, name: string) {
  writeFileSync(this.path(name), `${token}\n`, { mode: 0o600 });
  this.supervisorKeys.push(`token_file: ${name}`);
});

/** As a whole, so that nobody reads half of it. */
When('the token in the file {string} becomes {string}', function (this: PoolctlWorld, name: string, token: string) {
  const next = `${this.path(name)}.next`;
  writeFileSync(next, `${token}\n`, { mode: 0o600 });
  renameSync(next, this.path(name));
});

When('the file {string} gets the mode {word}', function (this: PoolctlWorld, name: string, mode: string) {
  chmodSync(this.path(name), Number.parseInt(mode, 8));
});

When('I {word} {string} over TCP', function (this: PoolctlWorld, method: string, path: string) {
  return askTcp(this, method, path, {});
});

When(
  'I {word} {string} over TCP with the token {string}',
  function (this: PoolctlWorld, method: string, path: string, token: string) {
    return askTcp(this, method, path, { authorization: `Bearer ${token}` });
  },
);

When(
  'I {word} {string} over TCP with the headers:',
  function (this: PoolctlWorld, method: string, path: string, table: DataTable) {
    const headers = table.raw().map(([name = '', value = '']) => [name, this.filled(value)]);
    return askTcp(this, method, path, Object.fromEntries(headers));
  },
);

When(
  'I POST {string} over TCP with {string}, as {string}',
  function (this: PoolctlWorld, path: string, body: string, correlation: string) {
    const headers = { 'content-type': 'application/json', 'x-correlation-id': correlation };
    return askTcp(this, 'POST', path, headers, body);
  },
);

/** From the beginning, until it has come; then the stream is left. */
Then('the stream {string} over TCP comes to hold {string}', async function (this: PoolctlWorld, path: string, text: string) {
  await new Promise<void>((resolve, reject) => {
    let heard = '';
    const asking = request({ host: '127.0.0.1', port: this.port + lastPort, path, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (piece: string) => {
        heard += piece;
        if (!heard.includes(this.filled(text))) return;
        asking.destroy();
        resolve();
      });
      response.on('end', () => reject(new Error(`it has ended: ${heard}`)));
      response.on('error', () => {});
    });
    asking.on('error', reject);
    asking.end();
  });
});

Then('the answer has no header {string}', function (this: PoolctlWorld, name: string) {
  ok(this.answer !== null && !(name.toLowerCase() in this.answer.headers), JSON.stringify(this.answer?.headers));
});

/** Whether the state directory was made does not matter: no engine, no file that says there is one, nobody who listens. */
Then('no engine was started', function (this: PoolctlWorld) {
  for (const kind of ['run', 'handoff', 'logs']) {
    const dir = join(this.rig.state, kind);
    deepStrictEqual(existsSync(dir) ? readdirSync(dir) : [], []);
  }
  deepStrictEqual(this.rig.processes().filter(isAlive), []);
});

/** Those that a request of this id caused, in their order; by the journal, which has also what is too small to be told. */
Then('the events with the correlation id {string} are:', async function (this: PoolctlWorld, id: string, table: DataTable) {
  await this.untilHolds(() => {
    const lines = readFileSync(join(this.rig.state, 'events.jsonl'), 'utf8').split('\n').slice(0, -1);
    const caused = lines.map((line) => JSON.parse(line) as Json).filter(({ correlation_id }) => correlation_id === id);
    deepStrictEqual(
      caused.map(({ event }) => event),
      table.raw().map(([event]) => event),
    );
  });
});

async function askTcp(
  world: PoolctlWorld,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<void> {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const to = { host: '127.0.0.1', port: world.port + lastPort, method, path };
  world.answer = await ask({ ...to, headers: { ...length, ...headers } }, body);
}
