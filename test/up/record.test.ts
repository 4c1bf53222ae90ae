import { expect, it } from 'vitest';
import { recordMaker } from '../../src/up/record.js';
import { poolSpec } from '../rig/specs.js';

const { entryOf } = recordMaker('boot', { now: () => 0, wallMs: () => 0 });

it('an entry is the same whatever name was found for its model, and another where the name that was written is', () => {
  const spec = poolSpec('chat', 1, { model: '/m/a.gguf', modelId: 'a' });
  expect(entryOf({ ...spec, modelId: 'Qwen3 8B' })).toBe(entryOf(spec));
  const given = { ...spec, modelIdGiven: true };
  expect(entryOf(given)).not.toBe(entryOf(spec));
  expect(entryOf({ ...given, modelId: 'b' })).not.toBe(entryOf(given));
  expect(entryOf({ ...given })).toBe(entryOf(given));
  expect(entryOf({ ...spec, model: '/m/b.gguf' })).not.toBe(entryOf(spec));
});
