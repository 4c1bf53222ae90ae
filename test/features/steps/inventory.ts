/** Files that a scenario begins with: pools.yaml, models, programs. */

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type DataTable, Given, When } from '@cucumber/cucumber';
import { writeTinyModel } from '../../rig/gguf.js';
import type { PoolctlWorld } from '../world/world.js';

Given('the defaults:', function (this: PoolctlWorld, yaml: string) {
  this.defaults = yaml;
});

Given('the supervisor setting {string}', function (this: PoolctlWorld, yaml: string) {
  this.supervisorKeys.push(yaml);
});

Given('the pools:', function (this: PoolctlWorld, yaml: string) {
  this.writePools(yaml);
});

Given('the file {string}:', function (this: PoolctlWorld, name: string, text: string) {
  writeFileSync(this.path(name), `${this.filled(text)}\n`);
});

Given('the empty file {string}', function (this: PoolctlWorld, name: string) {
  writeFileSync(this.path(name), '');
});

Given('the file {string} with the bytes {word}', function (this: PoolctlWorld, name: string, hex: string) {
  writeFileSync(this.path(name), Buffer.from(hex, 'hex'));
});

Given('the file {string} of {int} MiB', function (this: PoolctlWorld, name: string, size: number) {
  writeFileSync(this.path(name), Buffer.alloc(size * 2 ** 20, '#'));
});

When('the file {string} is removed', function (this: PoolctlWorld, name: string) {
  rmSync(this.path(name));
});

Given('the directory {string}', function (this: PoolctlWorld, name: string) {
  mkdirSync(this.path(name), { recursive: true });
});

Given('the model {string}', function (this: PoolctlWorld, name: string) {
  writeTinyModel(this.path(name));
});

Given('the model {string} that calls itself {string}', function (this: PoolctlWorld, name: string, called: string) {
  writeTinyModel(this.path(name), { name: called });
});

Given('the program {string}:', function (this: PoolctlWorld, name: string, text: string) {
  writeFileSync(this.path(name), `${this.filled(text)}\n`);
  chmodSync(this.path(name), 0o755);
});

Given('the environment:', function (this: PoolctlWorld, table: DataTable) {
  for (const [name = '', value = ''] of table.raw()) this.rig.env[name] = this.filled(value);
});
