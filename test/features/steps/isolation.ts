/** What the kernel says of an engine's rights: its status, its descriptors, its directory. */

import { deepStrictEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DataTable, Given, Then } from '@cucumber/cucumber';
import { expectCell } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

/** Only root can give a process away, or take capabilities from it for good. */
Given('poolctl is run by root', function (this: PoolctlWorld) {
  if (process.getuid?.() === 0) return 'passed';
  this.log('skipped: it takes root');
  return 'skipped';
});

/** The launch chain sets them one after another, and an engine without HTTP may be called ready before its end. */
Then('the kernel says of the engine of {replica}:', async function (this: PoolctlWorld, key: string, table: DataTable) {
  await this.untilHolds(() => says(this.pidOf(key), table));
});

Then('the kernel says of what it left behind:', function (this: PoolctlWorld, table: DataTable) {
  equal(this.leaked.length, 1);
  says(this.leaked[0] ?? 0, table);
});

Then(
  'the kernel says the same of poolctl and of the engine of {replica} in {string}',
  function (this: PoolctlWorld, key: string, names: string) {
    const [ours, its] = [statusOf(this.supervisor.child.pid ?? 0), statusOf(this.pidOf(key))];
    for (const name of names.split(', ')) equal(its.get(name), ours.get(name), name);
  },
);

Then('the open files of the engine of {replica} are:', async function (this: PoolctlWorld, key: string, table: DataTable) {
  const dir = `/proc/${this.pidOf(key)}/fd`;
  const expected = table.raw().map(([fd, path = '']) => [fd, this.filled(path)]);
  await this.untilHolds(() => {
    const open = readdirSync(dir).map((fd) => [fd, readlinkSync(join(dir, fd))]);
    deepStrictEqual(open, expected);
  });
});

Then('its log is readable for its owner alone', function (this: PoolctlWorld) {
  const dir = join(this.rig.state, 'logs', 'chat');
  deepStrictEqual(
    [dir, join(dir, 'r0.log'), join(dir, 'r1.log')].map((path) => (statSync(path).mode & 0o777).toString(8)),
    ['700', '600', '600'],
  );
});

Then('the engine of {replica} works in {string}', function (this: PoolctlWorld, key: string, path: string) {
  equal(workdirOf(this, key), this.filled(path));
});

Then(
  "the engine of {replica} works in its own directory of the state directory, which is nobody else's",
  function (this: PoolctlWorld, key: string) {
    equal(workdirOf(this, key), join(this.rig.state, 'work', key));
    belongsTo(workdirOf(this, key), process.getuid?.());
  },
);

Then(
  'the engine of {replica} works in a directory that belongs to {string} alone',
  function (this: PoolctlWorld, key: string, user: string) {
    match(workdirOf(this, key), /\/chat\/r0$/);
    belongsTo(workdirOf(this, key), idsOf('-u', user)[0]);
  },
);

Then(
  'the engine of {replica} runs as {string} with the groups of that user and no other',
  async function (this: PoolctlWorld, key: string, user: string) {
    await this.untilHolds(() => {
      const status = statusOf(this.pidOf(key));
      const ids = (name: string): readonly number[] => (status.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number);
      deepStrictEqual(ids('Uid'), Array(4).fill(idsOf('-u', user)[0]));
      deepStrictEqual(ids('Gid'), Array(4).fill(idsOf('-g', user)[0]));
      deepStrictEqual([...ids('Groups')].sort(), [...idsOf('-G', user)].sort());
    });
  },
);

function says(pid: number, table: DataTable): void {
  const status = statusOf(pid);
  // As they stand: a row of digits is no number here.
  for (const [name = '', expected = ''] of table.raw()) expectCell(status.get(name), JSON.stringify(expected), name);
}

function statusOf(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

function workdirOf(world: PoolctlWorld, key: string): string {
  return readlinkSync(`/proc/${world.pidOf(key)}/cwd`);
}

function belongsTo(path: string, uid: number | undefined): void {
  const { mode, uid: owner } = statSync(path);
  deepStrictEqual([(mode & 0o777).toString(8), owner], ['700', uid]);
}

function idsOf(which: '-u' | '-g' | '-G', user: string): readonly number[] {
  return execFileSync('id', [which, user], { encoding: 'utf8' }).trim().split(' ').map(Number);
}
