/** What poolctl tells, line by line, and what becomes of engines' logs. */

import { deepStrictEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import { eventNames } from '../../../src/core/events.js';
import { type Json, program } from '../../rig/poolctl.js';
import { expectCell } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

const word = 'a text';
const whole = 'a whole number';
/** Every field that an event may have, and what it is. Null is what is not known. */
const fields: Readonly<Record<string, string>> = {
  ...{ id: '/^[0-9a-z]+-\\d+$/', time: 'a time', event: word, level: '/^(debug|info|warn|error|critical)$/', human: word },
  ...{ pool_id: word, replica_id: '/^r\\d+$/', engine: word, engine_version: word, device_mask: word, model_id: word },
  ...{ incarnation: whole, from: word, to: word, because: word, pid: 'a pid', port: whole, url: '/^http:/' },
  ...{ exit_code: whole, signal: '/^SIG/', crash_class: word, uptime_seconds: 'a number' },
  ...{
    restart_count: whole,
    crash_count: whole,
    attempt: whole,
    backoff_ms: whole,
    next_restart_at: 'a time',
    crash_reason: word,
  },
  ...{ old_state: word, new_state: word, failure_count: whole, time_window_ms: whole, active_leases: whole },
  ...{
    model_from: word,
    model_to: word,
    strategy: word,
    replicas: 'anything',
    operation_id: word,
    kind: word,
    lease_id: word,
    holder: word,
    device: word,
    breaker: word,
  },
  ...{ storm_kind: word, result: word, reason: word, last_error: word, last_lines: 'anything', detail: word, hint: word },
  correlation_id: '/^[A-Za-z0-9._:-]{1,128}$/',
};

Then('every line of stderr is an event with a sentence, and has only fields of the contract', function (this: PoolctlWorld) {
  const lines = this.told().split('\n').slice(0, -1);
  ok(lines.length > 0);
  for (const line of lines) {
    const event = JSON.parse(line) as Record<string, unknown>;
    deepStrictEqual(Object.keys(event).slice(0, 5), ['id', 'time', 'event', 'level', 'human'], line);
    ok((eventNames as readonly unknown[]).includes(event.event), line);
    match(String(event.human), /^[a-z\d][^\n\r]*[^.\s]$/, line);
    for (const [name, value] of Object.entries(event)) {
      ok(Object.hasOwn(fields, name), `${name} is no field of the contract: ${line}`);
      if (value !== null) expectCell(value, fields[name] ?? '', `${name} of ${line}`);
    }
  }
});

Then('these have been told with their fields:', function (this: PoolctlWorld, table: DataTable) {
  for (const { event: name = '', level = '', fields: wanted = '' } of table.hashes()) {
    const named = this.events().filter(({ event }) => event === name);
    ok(named.length > 0, `${name} was not told`);
    const full = named.filter(
      (event) => wanted.split(' ').every((field) => field === '' || field in event) && event.level === level,
    );
    ok(full.length > 0, `no ${name} of level ${level} has them all: ${JSON.stringify(named)}`);
  }
});

Then('the journal holds every line of stderr, and no other', function (this: PoolctlWorld) {
  equal(journal(this), this.told());
});

Then('the journal comes to hold {string}', async function (this: PoolctlWorld, text: string) {
  await this.until(`"${text}" in the journal`, () => (journal(this).includes(text) ? true : null));
});

Then('the journal has at most {int} older files, and one at least', function (this: PoolctlWorld, most: number) {
  const older = readdirSync(this.rig.state).filter((name) => /^events\.jsonl\.\d+$/.test(name));
  ok(older.length >= 1 && older.length <= most, older.join(', '));
});

/** Also where the line that a start is told by is not wanted. Ended with the scenario. */
When('poolctl is up until it tells {string}', async function (this: PoolctlWorld, text: string) {
  const child = this.rig.spawn(['up']);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    said += more;
    this.notes.set('stderr', said);
  });
  await this.until(`"${text}" of up`, () => (said.includes(text) ? true : null));
});

Then('stderr holds {string} and not {string}', function (this: PoolctlWorld, text: string, other: string) {
  const said = String(this.notes.get('stderr'));
  deepStrictEqual([said.includes(text), said.includes(other)], [true, false], said);
});

Then('the events with the correlation id {string} are {string}', function (this: PoolctlWorld, id: string, names: string) {
  const caused = this.events().filter(({ correlation_id }) => correlation_id === id);
  deepStrictEqual(caused.map(({ event }) => event).join(', '), names);
});

/** Each a pattern. Then it is told to end in every way that a terminal knows. */
When('poolctl is up on a terminal until it shows:', async function (this: PoolctlWorld, table: DataTable) {
  const command = `stty cols 200 rows 24; exec ${process.execPath} ${program} up --color never`;
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { cwd: this.rig.dir, env: this.rig.env });
  const ended = once(terminal, 'close');
  // It may be gone before the last key.
  terminal.stdin.on('error', () => {});
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (more: string) => {
    shown += more;
  });
  const patterns = table.raw().map(([pattern = '']) => new RegExp(pattern));
  const missing = (): readonly RegExp[] => patterns.filter((pattern) => !pattern.test(shown));
  await this.untilHolds(() => deepStrictEqual(missing(), [], shown));
  const again = setInterval(() => terminal.stdin.write('\u0003'), 100);
  await ended;
  clearInterval(again);
  this.heard.push(['the terminal', shown]);
});

Then('no line of the terminal is JSON', function (this: PoolctlWorld) {
  const [, shown = ''] = this.heard.find(([where]) => where === 'the terminal') ?? [];
  ok(shown.includes('\n') && !/^\s*\{/m.test(shown), shown);
});

When('I note the file of the log of {replica}', function (this: PoolctlWorld, key: string) {
  this.notes.set(`log of ${key}`, statSync(logPath(this, key)).ino);
});

Then("the log of {replica} is still the same file, and the engine's descriptor too", function (this: PoolctlWorld, key: string) {
  const path = logPath(this, key);
  equal(statSync(path).ino, this.notes.get(`log of ${key}`));
  const dir = `/proc/${this.pidOf(key)}/fd`;
  deepStrictEqual([readlinkSync(join(dir, '1')), readlinkSync(join(dir, '2'))], [path, path]);
});

Then('the log of {replica} comes to be rotated', async function (this: PoolctlWorld, key: string) {
  await this.until('a rotated log', () => (rotated(this, key).length > 0 ? true : null));
});

Then('the log of {replica} comes to be emptied', async function (this: PoolctlWorld, key: string) {
  await this.until('a log that is small again', () => (statSync(logPath(this, key)).size < 64 * 1024 ? true : null));
});

Then('the rotated logs of {replica} come to be {int}', async function (this: PoolctlWorld, key: string, count: number) {
  await this.until(`${count} rotated logs`, () => (rotated(this, key).length === count ? true : null));
});

Then('the rotated logs of {replica} are {int}', function (this: PoolctlWorld, key: string, count: number) {
  equal(rotated(this, key).length, count);
});

Then(
  'of the lines of {replica} `poolctl logs` shows {string} {int} times',
  async function (this: PoolctlWorld, key: string, text: string, times: number) {
    await this.untilHolds(async () => {
      const { stdout } = await this.rig.run('logs', key);
      equal(stdout.split('\n').filter((line) => line === text).length, times);
    });
  },
);

Then('the last lines of the crash of {replica} hold {string}', function (this: PoolctlWorld, key: string, text: string) {
  const crash = this.eventsOf(key).findLast(({ event }) => event === 'replica.crashed') as Json;
  ok(crash.last_lines.includes(text), JSON.stringify(crash));
});

Given('the state directory is ours alone', function (this: PoolctlWorld) {
  chmodSync(this.rig.state, 0o700);
});

Then(
  'the kept failures of {replica} are those of the incarnations {int} and {int}',
  async function (this: PoolctlWorld, key: string, first: number, last: number) {
    const begins = (which: string): string => readFileSync(logPath(this, `${key}.${which}-failure`), 'utf8').slice(0, 40);
    await this.untilHolds(() => {
      match(begins('first'), new RegExp(`^--- poolctl: ${key} incarnation ${first} `));
      match(begins('last'), new RegExp(`^--- poolctl: ${key} incarnation ${last} `));
    });
  },
);

function journal({ rig }: PoolctlWorld): string {
  const file = join(rig.state, 'events.jsonl');
  // What is told on stderr may come before the first line here.
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function logPath({ rig }: PoolctlWorld, key: string): string {
  return join(rig.state, 'logs', `${key}.log`);
}

function rotated(world: PoolctlWorld, key: string): readonly string[] {
  const [poolId = '', replicaId] = key.split('/');
  const dir = join(world.rig.state, 'logs', poolId);
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names.filter((name) => new RegExp(`^${replicaId}\\.log\\.\\d+$`).test(name));
}
