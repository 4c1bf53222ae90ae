/** Machines as they could be found: with GPUs or without, with engines, with models of any size. */

import type { GgufHeader } from '../../src/models/gguf.js';
import type { Found, FoundEngine, FoundModel } from '../../src/proposal/found.js';

export const gib = 2 ** 30;

export function found(more: Partial<Found> = {}): Found {
  return {
    devices: [],
    processes: null,
    note: null,
    engines: [
      engine(),
      engine({ kind: 'vllm', name: 'vllm', path: null }),
      engine({ kind: 'sglang', name: 'sglang', path: null }),
    ],
    models: [],
    hubRepos: [],
    places: ['~/models'],
    whole: true,
    memoryBytes: 16 * gib,
    ports: { range: null, first: 18_100 },
    ...more,
  };
}

export function engine(more: Partial<FoundEngine> = {}): FoundEngine {
  const path = '/usr/local/bin/llama-server';
  return { kind: 'llamacpp', name: 'llama-server', path, version: 'b6710', flaw: null, sees: null, ...more };
}

/** Whole, of so many bytes, with a context that costs next to nothing. */
export function model(ref: string, bytes: number, header: Partial<GgufHeader> = {}): FoundModel {
  const told: GgufHeader = {
    ...{ version: 3, architecture: 'qwen3', name: null, contextLength: 40_960, cacheBytesPerToken: 1024 },
    ...{ parameters: bytes * 2, tensorBytes: bytes, ...header },
  };
  return { ref, bytes, missing: [], header: { ok: true, value: told } };
}
