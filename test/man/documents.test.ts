/** The JSON that commands print, and the pages that describe it: every key stands in the page of its command. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Rig } from '../rig/poolctl.js';
import { page } from './page.js';

let rig: Rig;
beforeAll(async () => {
  rig = new Rig();
  rig.inventory('version: 1\npools:\n  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "0"] }\n');
  await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '60s');
}, 90_000);
afterAll(() => rig.end());

it.each([
  ['poolctl-init.1', ['plan']],
  ['poolctl-init.1', ['doctor']],
  ['poolctl-init.1', ['init', '--stdout']],
  ['poolctl-drain.1', ['wait', 'chat', '--for', 'ready']],
  ['poolctl-logs.1', ['logs', 'chat', '-n', '1']],
  ['poolctl-lease.1', ['lease', 'acquire', 'chat']],
  ['poolctl-lease.1', ['lease', 'list']],
  ['poolctl-api.7', ['start', 'chat']],
  ['poolctl-api.7', ['events']],
  ['poolctl-api.7', ['status']],
])('%s has every key of %j', async (file, line) => {
  const { stdout } = await rig.run(...line, '--json');
  const documents = stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text === '' ? '{}' : text) as unknown);
  const words = new Set(page(file).lines.flatMap((text) => text.match(/[a-z_]+/g) ?? []));
  expect(documents.flatMap(keysOf).filter((key) => !words.has(key))).toEqual([]);
});

it('poolctl-init.1 has every key of a problem', async () => {
  rig.inventory('version: 2\n');
  const keys = keysOf(await rig.json('check'));
  expect(keys).toContain('severity');
  const words = new Set(page('poolctl-init.1').lines.flatMap((text) => text.match(/[a-z_]+/g) ?? []));
  expect(keys.filter((key) => !words.has(key))).toEqual([]);
});

/** At any depth, but for maps whose keys are names of somebody else's. */
function keysOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [key, ...(key === 'env' ? [] : keysOf(below))]);
}
