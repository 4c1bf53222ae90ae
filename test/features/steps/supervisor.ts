/** The supervisor: begun, asked to end, killed. */

import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import type { Ran } from '../../rig/poolctl.js';
import { at, expectCell } from '../world/match.js';
import { isAlive } from '../world/proc.js';
import type { PoolctlWorld } from '../world/world.js';

Given('poolctl is up', async function (this: PoolctlWorld) {
  await this.up();
});

Given('poolctl is up with {string}', async function (this: PoolctlWorld, args: string) {
  await this.up(...args.split(' '));
});

When('poolctl is told to end by {word}', function (this: PoolctlWorld, signal: NodeJS.Signals) {
  this.supervisor.child.kill(signal);
});

When('poolctl dies of SIGKILL', async function (this: PoolctlWorld) {
  this.supervisor.child.kill('SIGKILL');
  await this.supervisor.ended;
});

Then('poolctl ends with {int}', async function (this: PoolctlWorld, status: number) {
  equal(await this.supervisor.ended, status, this.told());
});

When('five supervisors are started at once', async function (this: PoolctlWorld) {
  const five = Array.from({ length: 5 }, () => this.rig.up());
  const begun = await Promise.all(five.map((up) => up.catch(() => null)));
  this.supervisors = begun.filter((each) => each !== null);
});

Then('one of them lives', function (this: PoolctlWorld) {
  equal(this.supervisors.length, 1);
});

When('one more supervisor is started', async function (this: PoolctlWorld) {
  this.ran = await this.rig.run('up');
});

Then('it names the pid of the one that runs', function (this: PoolctlWorld) {
  const said = this.ran?.stderr ?? '';
  ok(said.includes(`pid ${this.supervisor.child.pid}`), said);
});

Then('no process, pid file, handoff file or socket is left', function (this: PoolctlWorld) {
  const { state } = this.rig;
  for (const kind of ['handoff', 'run']) {
    const dir = join(state, kind);
    deepStrictEqual(existsSync(dir) ? readdirSync(dir) : [], []);
  }
  equal(existsSync(join(state, 'poolctl.sock')), false);
  deepStrictEqual(this.rig.processes().filter(isAlive), []);
});

Then('nothing was started', function (this: PoolctlWorld) {
  equal(existsSync(this.rig.state), false);
  deepStrictEqual(this.rig.processes().filter(isAlive), []);
});

Then('there is an event {string} with:', async function (this: PoolctlWorld, name: string, table: DataTable) {
  await this.untilHolds(() => {
    const named = this.events().filter(({ event }) => event === name);
    const complaints = named.map((event) => complaintOf(this, event, table));
    if (!complaints.includes(null)) throw complaints.at(-1) ?? new Error(`there is no event ${name}`);
  });
});

Then('there is no event {string}', function (this: PoolctlWorld, name: string) {
  deepStrictEqual(
    this.events().filter(({ event }) => event === name),
    [],
  );
});

/** Logs of engines are their own: whoever prints a secret there does it himself. */
Then('nothing that poolctl wrote or printed holds {string}', function (this: PoolctlWorld, secret: string) {
  const handoff = join(this.rig.state, 'handoff');
  const handoffs = existsSync(handoff) ? readdirSync(handoff) : [];
  const files = ['state.json', 'events.jsonl', ...handoffs.map((name) => `handoff/${name}`)];
  const texts = files.map((name): [string, string] => [name, readFileSync(join(this.rig.state, name), 'utf8')]);
  const { ran } = this as { ran: Ran | null };
  for (const [where, text] of [
    ...texts,
    ['stderr of up', this.told()],
    ['the command', `${ran?.stdout}${ran?.stderr}`],
  ] as const) {
    ok(!text.includes(secret), `${where} holds it: ${text}`);
  }
});

function complaintOf(world: PoolctlWorld, event: unknown, table: DataTable): unknown {
  try {
    for (const [path = '', expected = ''] of table.raw()) expectCell(at(event, path), world.filled(expected), path);
    return null;
  } catch (error) {
    return error;
  }
}
