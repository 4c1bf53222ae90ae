import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HandoffFacts } from '../../src/core/messages.js';
import { handoffOf, handoffText, removeHandoffs } from '../../src/shell/handoff.js';
import { scratchDir } from '../host/scratch.js';
import { launchOf } from './launches.js';

const facts: HandoffFacts = {
  url: 'http://127.0.0.1:18100',
  pid: 4121,
  description: { engineVersion: 'b10587', slotsTotal: 4, ctxMax: 4096 },
  readyAtWallMs: Date.UTC(2026, 0, 2, 3, 4, 5),
};

test('it holds what an orchestrator must know, in the order of the contract, and says so in lines', () => {
  const launch = launchOf({ model: '/m/q.gguf', modelId: 'q', engine: 'llamacpp' });
  const text = handoffText(handoffOf(launch, facts, { modelPath: '/m/q.gguf', flags: ['--port', '18100'] }));
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
});

test('slots that are not known are null, and one is sure to be free, as status says', () => {
  const unknown = { ...facts, description: { engineVersion: null, slotsTotal: null, ctxMax: null } };
  expect(handoffOf(launchOf(), unknown, { modelPath: null, flags: [] })).toMatchObject({
    engine_version: null,
    slots_total: null,
    slots_free: 1,
  });
});

test('what a killed supervisor left is taken away, and nothing else', async () => {
  const dir = await scratchDir();
  for (const name of ['chat.r0.json', 'chat.r1.json.tmp', 'mine.txt']) await writeFile(join(dir, name), '{}');
  removeHandoffs(dir);
  removeHandoffs(join(dir, 'none'));
  expect(await readdir(dir)).toEqual(['mine.txt']);
});
