import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HandoffFacts } from '../../src/core/messages.js';
import { handoffOf, removeHandoff, removeHandoffs, writeHandoff } from '../../src/shell/handoff.js';
import { scratchDir } from '../host/scratch.js';
import { launchOf } from './launches.js';

const facts: HandoffFacts = {
  url: 'http://127.0.0.1:18100',
  pid: 4121,
  description: { engineVersion: 'b10587', slotsTotal: 4, ctxMax: 4096 },
  readyAtWallMs: Date.UTC(2026, 0, 2, 3, 4, 5),
};

test('it holds what an orchestrator must know, in the order of the contract, and says so in lines', async () => {
  const path = join(await scratchDir(), 'handoff', 'chat.r0.json');
  const launch = launchOf({ model: '/m/q.gguf', modelId: 'q', engine: 'llamacpp' });
  expect(writeHandoff(path, handoffOf(launch, facts, { modelPath: '/m/q.gguf', flags: ['--port', '18100'] }))).toBeNull();
  const text = await readFile(path, 'utf8');
  expect(text).toContain('\n  "replica_id": "r0",\n');
  expect(Object.keys(JSON.parse(text))).toEqual(
    'pool_id replica_id engine engine_version url pid device_mask model flags slots_total slots_free ready_at'.split(' '),
  );
  expect(JSON.parse(text)).toEqual({
    pool_id: 'chat',
    replica_id: 'r0',
    engine: 'llamacpp',
    engine_version: 'b10587',
    url: 'http://127.0.0.1:18100',
    pid: 4121,
    device_mask: 'cpu',
    model: { id: 'q', ref: '/m/q.gguf', path: '/m/q.gguf' },
    flags: ['--port', '18100'],
    slots_total: 4,
    slots_free: 4,
    ready_at: '2026-01-02T03:04:05.000Z',
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(path, '..'))).toEqual(['chat.r0.json']);
  expect(removeHandoff(path)).toBeNull();
  expect(removeHandoff(path)).toBeNull();
  expect(await readdir(join(path, '..'))).toEqual([]);
});

test('slots that are not known are null, and none of them free', () => {
  const unknown = { ...facts, description: { engineVersion: null, slotsTotal: null, ctxMax: null } };
  expect(handoffOf(launchOf(), unknown, { modelPath: null, flags: [] })).toMatchObject({
    engine_version: null,
    slots_total: null,
    slots_free: 0,
  });
});

test('a failure is a sentence', async () => {
  const dir = await scratchDir();
  await writeFile(join(dir, 'file'), '');
  const path = join(dir, 'file', 'chat.r0.json');
  expect(writeHandoff(path, handoffOf(launchOf(), facts, { modelPath: null, flags: [] }))).toContain(
    `cannot write the handoff file "${path}"`,
  );
  await mkdir(join(dir, 'directory.json'));
  expect(removeHandoff(join(dir, 'directory.json'))).toContain('cannot remove the handoff file "');
});

test('what a killed supervisor left is taken away, and nothing else', async () => {
  const dir = await scratchDir();
  for (const name of ['chat.r0.json', 'chat.r1.json.tmp', 'mine.txt']) await writeFile(join(dir, name), '{}');
  removeHandoffs(dir);
  removeHandoffs(join(dir, 'none'));
  expect(await readdir(dir)).toEqual(['mine.txt']);
});
