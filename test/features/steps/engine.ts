/** The engine's own process: what it is told, what is done to it, and what it leaves. */

import { deepStrictEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { type DataTable, Given, Then, When } from '@cucumber/cucumber';
import type { Json } from '../../rig/poolctl.js';
import { at, expectCell, expectShape } from '../world/match.js';
import { commandLine, environment, groupOf, isAlive } from '../world/proc.js';
import { strangerOn } from '../world/stranger.js';
import type { PoolctlWorld } from '../world/world.js';

/** An order of the demo engine. One that ends it may cut the answer off. */
When('the engine of {replica} is told to {string}', async function (this: PoolctlWorld, key: string, order: string) {
  await this.order(key, order);
});

When('the engine of {replica} gets {word}', function (this: PoolctlWorld, key: string, signal: NodeJS.Signals) {
  process.kill(this.pidOf(key), signal);
});

Then('the engine of {replica} is gone', function (this: PoolctlWorld, key: string) {
  equal(isAlive(this.pidOf(key)), false);
});

Then('no earlier engine of {replica} is left', function (this: PoolctlWorld, key: string) {
  deepStrictEqual(this.pidsOf(key).slice(0, -1).filter(isAlive), []);
});

Then('the engine of {replica} still runs', function (this: PoolctlWorld, key: string) {
  equal(isAlive(this.pidOf(key)), true);
});

Then('the engine of {replica} leads a process group of its own', function (this: PoolctlWorld, key: string) {
  const pid = this.pidOf(key);
  equal(groupOf(pid), pid);
  notEqual(groupOf(this.supervisor.child.pid ?? 0), pid);
});

/** It is looked for at once: whoever comes to a state without it being gone has lied. */
Then('what it left behind is gone', function (this: PoolctlWorld) {
  notEqual(this.leaked.length, 0);
  deepStrictEqual(this.leaked.filter(isAlive), []);
});

Then('what it left behind is soon gone', async function (this: PoolctlWorld) {
  notEqual(this.leaked.length, 0);
  await this.untilHolds(() => deepStrictEqual(this.leaked.filter(isAlive), []));
});

/** An engine without HTTP may be called ready while its launch still isolates it. */
Then('the command line of {replica} ends with:', async function (this: PoolctlWorld, key: string, table: DataTable) {
  const expected = table.raw().map(([arg = '']) => this.filled(arg));
  await this.untilHolds(() => deepStrictEqual(commandLine(this.pidOf(key)).slice(-expected.length), expected));
});

Then('the command line of {replica} holds {string}', function (this: PoolctlWorld, key: string, words: string) {
  const line = ` ${commandLine(this.pidOf(key)).join(' ')} `;
  ok(line.includes(` ${this.filled(words)} `), line);
});

Then('the command line of {replica} does not hold {string}', function (this: PoolctlWorld, key: string, word: string) {
  const line = commandLine(this.pidOf(key));
  ok(!line.includes(word), line.join(' '));
});

Then('the environment of {replica} holds:', function (this: PoolctlWorld, key: string, table: DataTable) {
  const env = environment(this.pidOf(key));
  for (const [name = '', value = ''] of table.raw()) expectCell(env[name], JSON.stringify(this.filled(value)), name);
});

Then('the environment of {replica} lacks {string}', function (this: PoolctlWorld, key: string, names: string) {
  const env = environment(this.pidOf(key));
  ok(Object.hasOwn(env, 'POOLCTL_INSTANCE'), 'it is the environment of an engine');
  for (const name of names.split(', ')) equal(env[name], undefined, name);
});

Then('the environment of {replica} has a new POOLCTL_INSTANCE', function (this: PoolctlWorld, key: string) {
  const { POOLCTL_INSTANCE: instance } = environment(this.pidOf(key));
  ok(instance !== undefined && instance !== this.notes.get(`instance of ${key}`), `it is ${instance}`);
  this.notes.set(`instance of ${key}`, instance);
});

Then('the log of {replica} reads:', function (this: PoolctlWorld, key: string, patterns: string) {
  match(this.logOf(key), new RegExp(`^${patterns.split('\n').join('\n(?:.*\n)*?')}`));
});

Then('the log of {replica} comes to hold {string}', async function (this: PoolctlWorld, key: string, text: string) {
  await this.until(`"${text}" in the log`, () => (this.logOf(key).includes(this.filled(text)) ? true : null));
});

Then('the pid file of {replica} names its process', function (this: PoolctlWorld, key: string) {
  equal(readFileSync(this.fileOf('run', key), 'utf8'), `${this.pidOf(key)}\n`);
});

Then('{replica} has no pid file', function (this: PoolctlWorld, key: string) {
  equal(existsSync(this.fileOf('run', key)), false);
});

Then('{replica} has no handoff file', function (this: PoolctlWorld, key: string) {
  equal(existsSync(this.fileOf('handoff', key)), false);
});

Then('the handoff file of {replica} is:', function (this: PoolctlWorld, key: string, json: string) {
  expectShape(handoff(this, key), JSON.parse(this.filled(json)), '');
});

Then('the handoff file of {replica} has:', function (this: PoolctlWorld, key: string, table: DataTable) {
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(handoff(this, key), path), this.filled(expected), path);
});

Given('somebody else listens on port {word}', async function (this: PoolctlWorld, port: string) {
  this.strangers.push(await strangerOn(Number(this.filled(port))));
});

When('somebody else takes the port of {replica}', async function (this: PoolctlWorld, key: string) {
  this.strangers.push(await strangerOn((await this.replica(key)).port));
});

When('the port is free again', async function (this: PoolctlWorld) {
  for (const stranger of this.strangers) await stranger.leave();
});

function handoff(world: PoolctlWorld, key: string): Json {
  return JSON.parse(readFileSync(world.fileOf('handoff', key), 'utf8'));
}
