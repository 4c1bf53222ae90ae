/** Commands at a prompt, and what they print. */

import { deepStrictEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DataTable, Then, When } from '@cucumber/cucumber';
import { at, expectCell, expectShape } from '../world/match.js';
import type { PoolctlWorld } from '../world/world.js';

/** Words are parted by spaces; there is no quoting. */
When('I run `poolctl {}`', async function (this: PoolctlWorld, line: string) {
  this.ran = await this.rig.run(...this.filled(line.replace(/`$/, '')).split(' '));
});

Then('it exits with {int}', function (this: PoolctlWorld, status: number) {
  const { ran } = this;
  equal(ran?.status, status, `exit ${ran?.status}\n${ran?.stdout}${ran?.stderr}`);
});

Then('it prints:', function (this: PoolctlWorld, text: string) {
  equal(this.ran?.stdout, `${this.filled(text)}\n`);
});

Then('it prints nothing', function (this: PoolctlWorld) {
  equal(this.ran?.stdout, '');
});

Then('it prints JSON:', function (this: PoolctlWorld, json: string) {
  expectShape(JSON.parse(this.ran?.stdout ?? ''), JSON.parse(this.filled(json)), '');
});

Then('it prints JSON with:', function (this: PoolctlWorld, table: DataTable) {
  const answer = JSON.parse(this.ran?.stdout ?? '') as unknown;
  for (const [path = '', expected = ''] of table.raw()) expectCell(at(answer, path), this.filled(expected), path);
});

Then('it says {string}', function (this: PoolctlWorld, text: string) {
  const said = `${this.ran?.stdout}${this.ran?.stderr}`;
  ok(said.includes(this.filled(text)), `it says:\n${said}`);
});

Then('it says something like {string}', function (this: PoolctlWorld, pattern: string) {
  match(`${this.ran?.stdout}${this.ran?.stderr}`, new RegExp(pattern));
});

Then('it does not say {string}', function (this: PoolctlWorld, text: string) {
  const said = `${this.ran?.stdout}${this.ran?.stderr}`;
  ok(!said.includes(text), `it says:\n${said}`);
});

/** Those of the errors, in the order in which they are printed, whatever else is printed. */
Then('the codes are {string}', function (this: PoolctlWorld, codes: string) {
  const said = `${this.ran?.stdout}${this.ran?.stderr}`;
  const printed = [...said.matchAll(/^.*: error: .*\[([A-Z_]+)\]$/gm)].map(([, code]) => code);
  deepStrictEqual(printed, codes.split(', '), said);
});

/** What stands in pools.yaml at the place of the first error. */
Then('it points at {string}', function (this: PoolctlWorld, text: string) {
  const said = `${this.ran?.stdout}${this.ran?.stderr}`;
  const [, line, column] = /^pools\.yaml:(\d+):(\d+): error: /m.exec(said) ?? [];
  const at = readFileSync(join(this.rig.dir, 'pools.yaml'), 'utf8')
    .split('\n')
    .slice(Number(line) - 1)
    .join('\n')
    .slice(Number(column) - 1);
  ok(at.startsWith(text.replaceAll('\\n', '\n')), `it points at "${at}":\n${said}`);
});
