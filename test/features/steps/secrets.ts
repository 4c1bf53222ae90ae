/** Everything that poolctl says, answers and writes, looked through. */

import { deepStrictEqual, ok } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Then, When } from '@cucumber/cucumber';
import { ask } from '../world/ask.js';
import type { PoolctlWorld } from '../world/world.js';

const commands = [
  'status',
  'status --json',
  'status -v',
  'events',
  'events --json',
  'plan',
  'plan --json',
  'up --dry-run',
  'check',
  'check --json',
  'check --no-host',
  'devices --json',
  'start all --no-wait --json',
  'wait all --for ready --timeout 1ms',
  'status nobody',
];
const routes = [
  '/health',
  '/metrics',
  '/openapi.json',
  '/v2/pools',
  '/v2/devices',
  '/v2/meta/capabilities',
  '/v2/operations/none',
  ...['serving', 'model', 'dying', 'absent'].flatMap((id) => [`/v2/pools/${id}`, `/v2/pools/${id}/health`]),
];

/** While a supervisor runs, if one does, and after its end. */
When('poolctl is asked everything', { timeout: 180_000 }, async function (this: PoolctlWorld) {
  const runs = this.supervisors.length > 0;
  if (runs) {
    for (const path of routes) this.heard.push([`GET ${path}`, (await this.ask('GET', path)).body]);
  }
  await askAll(this);
  if (!runs) return;
  this.heard.push(['poolctl down', JSON.stringify(await this.rig.run('down', '--json'))]);
  await this.supervisor.ended;
  await askAll(this);
});

When('the engine of {replica} is asked for {string}', async function (this: PoolctlWorld, key: string, path: string) {
  const { port } = await this.replica(key);
  await ask({ host: '127.0.0.1', port, method: 'GET', path });
});

/** And there is something to be looked through, of each kind. */
Then('{string} stands nowhere but in the logs of engines', function (this: PoolctlWorld, secret: string) {
  const { state } = this.rig;
  const files = existsSync(state) ? filesBelow(state).filter((file) => !file.startsWith('logs/')) : [];
  const said: readonly (readonly [string, string])[] = [
    ...this.heard,
    ['stderr of up', this.told()],
    ...files.map((file) => [file, readFileSync(join(state, file), 'utf8')] as const),
  ];
  ok(said.filter(([, text]) => text !== '').length > 1, 'something was said');
  const found = said.flatMap(([where, text]) => {
    const at = text.indexOf(secret);
    return at < 0 ? [] : [`${where}: …${text.slice(Math.max(0, at - 200), at + 60)}…`];
  });
  deepStrictEqual(found, []);
});

async function askAll(world: PoolctlWorld): Promise<void> {
  for (const line of commands) {
    const { stdout, stderr } = await world.rig.run(...line.split(' '));
    world.heard.push([`poolctl ${line}`, `${stdout}${stderr}`]);
  }
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile())
    .map((name) => relative(dir, join(dir, name)));
}
