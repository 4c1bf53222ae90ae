/** The inventories among the recipes are accepted by `check`, and the page names every file. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig } from '../rig/poolctl.js';
import { recipe } from './rig.js';

const page = recipe('README.md');
const files = readdirSync(dirname(page)).filter((name) => name !== 'README.md');

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

it.each(files.filter((name) => name.endsWith('.yaml')))('%s is accepted', async (name) => {
  rig.env.HF_TOKEN = 'a token';
  const { ok, problems } = await rig.json('check', '--no-host', join(dirname(page), name));
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
});

it('all stand on the page', () => {
  const text = readFileSync(page, 'utf8');
  expect(files.filter((name) => !text.includes(name))).toEqual([]);
});

it('the inventory in README.md is accepted, and so is what it says of files', async () => {
  const readme = readFileSync(recipe('../README.md'), 'utf8');
  writeFileSync(join(rig.dir, 'pools.yaml'), /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '');
  const { ok, problems } = await rig.json('check', '--no-host');
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
  const [, picture = ''] = /!\[.*\]\((.*)\)/.exec(readme) ?? [];
  expect(readFileSync(recipe(`../${picture}`), 'utf8')).toContain('<svg');
});
