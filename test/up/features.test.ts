import { expect, test } from 'vitest';
import { featuresOf } from '../../src/up/features.js';

const drain = { deadlineMs: 300_000, inflight: 'auto' } as const;

test.each([
  ['llamacpp', '/m.gguf', 'auto', ['leases', 'drain', 'reload', 'running-requests', 'perf']],
  ['llamacpp', '/m.gguf', 'off', ['leases', 'drain', 'reload', 'perf']],
  ['demo', null, 'auto', ['leases', 'drain', 'running-requests', 'perf']],
  ['command', null, 'auto', ['leases', 'drain']],
  ['command', '/m.bin', 'auto', ['leases', 'drain', 'reload']],
] as const)('a pool of %s with the model %s, requests asked for: %s', (engine, model, inflight, features) => {
  expect(featuresOf({ engine, model, drain: { ...drain, inflight } })).toEqual(features);
});
