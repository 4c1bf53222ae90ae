/** The line of llama-server about its layers, in the forms of its versions. */

import { expect, it } from 'vitest';
import { offloadOf } from '../../src/diagnosis/offload.js';

it.each([
  '0.00.071.123 I load_tensors: offloaded 20/33 layers to GPU',
  'I load_tensors: offloaded 20/33 layers to GPU',
  'load_tensors: offloaded 20/33 layers to GPU',
  'llm_load_tensors: offloaded 20/33 layers to GPU',
  'llama_model_load_internal: offloaded 20/33 layers to GPU',
])('%s', (line) => {
  expect(offloadOf(line)).toEqual({ layers: 20, of: 33 });
});

it.each([
  'load_tensors: offloading 20 repeating layers to GPU',
  'load_tensors: offloading output layer to GPU',
  'I load_tensors: offloaded 20/33 layers to GPU, says my friend',
  'srv  log_server_r: request: why does it say load_tensors: offloaded 20/33 layers to GPU',
  'offloaded 20/33 layers to GPU',
  '',
])('%s: nothing', (line) => {
  expect(offloadOf(line)).toBeNull();
});
