/** The lines by which engines are refused GPU memory, and the numbers in them. */

import { describe, expect, it } from 'vitest';
import { memoryIn } from '../../src/diagnosis/asked.js';
import { bytesOf, noBuffers, withBuffer } from '../../src/diagnosis/buffers.js';
import { anyForm } from '../../src/diagnosis/form.js';
import { logReader } from '../../src/diagnosis/log-reader.js';
import fc from '../rig/chance.js';
import { alone } from './circumstances.js';

const mib = 2 ** 20;
const gib = 2 ** 30;

it.each([
  [
    'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory',
    8192 * mib,
  ],
  [
    '0.00.914.211 E ggml_backend_cuda_buffer_type_alloc_buffer: allocating 260.5 MiB on device 1: hipMalloc failed: out of memory',
    260.5 * mib,
  ],
  ['ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 6008512512', 6_008_512_512],
  ['0.02.468.179 E alloc_tensor_range: failed to allocate Vulkan0 buffer of size 1037832192', 1_037_832_192],
  ['ggml_vulkan: Device memory allocation of size 1048898304 failed.', 1_048_898_304],
  ['Native API failed: can not allocate 2147483648 Bytes of memory on device', 2 * gib],
  ['ggml_metal_buffer_init: error: failed to allocate buffer, size =  5730.25 MiB', 5730.25 * mib],
  ['radv/amdgpu:    size      : 990904320 bytes', 990_904_320],
  ['RESOURCE_EXHAUSTED: Out of memory while trying to allocate 2147483648 bytes.', 2 * gib],
  [
    "ValueError: To serve at least one request with the models's max seq len (40960), (5.5 GiB KV cache is needed, which is larger than the available KV cache memory (3.11 GiB).",
    5.5 * gib,
  ],
  [
    'ValueError: Free memory on device cuda:0 (3.11/23.69 GiB) on startup is less than desired GPU memory utilization (0.9, 21.25 GiB). Decrease GPU memory utilization',
    21.25 * gib,
  ],
  ['torch.OutOfMemoryError: HIP out of memory. Tried to allocate 768.00 MiB.', 768 * mib],
])('%s', (line, bytes) => {
  expect(memoryIn(line)).toEqual({ askedBytes: bytes, usedBytes: null });
});

it.each([
  [
    'CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.20 GiB is free. Process 77 has 1.00 GiB memory in use. Including non-PyTorch memory, this process has 21.25 GiB memory in use. Of the allocated memory 20.00 GiB is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but unallocated.',
    2 * gib,
    21.25 * gib,
  ],
  [
    'CUDA out of memory. Tried to allocate 224.00 MiB. GPU  has a total capacity of 44.34 GiB of which 160.81 MiB is free. Process 477 has 44.17 GiB memory in use. Of the allocated memory 43.50 GiB is allocated by PyTorch, and 396.00 MiB is reserved by PyTorch but unallocated.',
    224 * mib,
    43.5 * gib + 396 * mib,
  ],
  [
    'RuntimeError: CUDA out of memory. Tried to allocate 512.00 KiB (GPU 0; 23.69 GiB total capacity; 21.30 GiB already allocated; 1.20 GiB free; 21.50 GiB reserved in total by PyTorch)',
    512 * 1024,
    21.5 * gib,
  ],
])('%s: also what it had', (line, askedBytes, usedBytes) => {
  expect(memoryIn(line)).toEqual({ askedBytes, usedBytes });
});

it.each(['CUDA error: out of memory', 'ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory', 'buffer of size 0', ''])(
  '%s: nothing',
  (line) => {
    expect(memoryIn(line)).toEqual({ askedBytes: null, usedBytes: null });
  },
);

it('is a number of bytes or nothing, whatever stands there', () => {
  const word = fc.constantFrom(
    'Tried to allocate ',
    'buffer of size ',
    ' MiB',
    ' TiB',
    '.',
    'this process has ',
    ' memory in use',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string(), fc.double().map(String)), { maxLength: 8 }), (pieces) => {
      for (const bytes of Object.values(memoryIn(pieces.join(''))))
        expect(bytes === null || (Number.isSafeInteger(bytes) && bytes > 0)).toBe(true);
    }),
  );
});

it('keeps a bounded number of buffers', () => {
  const lines = Array.from(
    { length: 1_000 },
    (_, n) => `load_tensors: CUDA${n} ${n % 2 ? 'compute' : 'model'} buffer size =  1.00 MiB`,
  );
  expect(bytesOf(lines.reduce(withBuffer, noBuffers))).toBe(200 * mib);
  expect(bytesOf(noBuffers)).toBeNull();
});

describe('a diagnosis', () => {
  const judged = (...lines: readonly string[]) => {
    const reader = logReader(anyForm);
    for (const line of lines) reader.read(line);
    return reader.diagnose({ ...alone, code: 1 });
  };
  const vulkan = 'ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory';
  const buffer = 'alloc_tensor_range: failed to allocate Vulkan0 buffer of size 1037832192';

  it('has what the line of its evidence says', () => {
    expect(
      judged(
        'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. Including non-PyTorch memory, this process has 21.25 GiB memory in use.',
      ),
    ).toMatchObject({
      class: 'vram_oom',
      askedBytes: 1.5 * gib,
      usedBytes: 21.25 * gib,
    });
  });

  it('has it from a line soon after, where the cause has no number, and the first of several', () => {
    expect(judged(vulkan, buffer, buffer.replace('1037832192', '7'))).toMatchObject({
      class: 'vram_oom',
      evidence: { line: 1 },
      askedBytes: 1_037_832_192,
      usedBytes: null,
    });
    expect(judged('radv/amdgpu: Failed to allocate a buffer:', 'radv/amdgpu:    size      : 990904320 bytes')).toMatchObject({
      askedBytes: 990_904_320,
    });
    const symptom = 'llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers';
    expect(judged(symptom, buffer)).toMatchObject({ class: 'vram_oom', evidence: { line: 2 }, askedBytes: 1_037_832_192 });
  });

  it('counts what llama.cpp had taken on its devices before', () => {
    const load = [
      '0.00.100.000 I load_tensors:        CUDA0 model buffer size =  8700.50 MiB',
      '0.00.100.001 I load_tensors:        CUDA1 model buffer size =  1000.00 MiB',
      '0.00.100.002 I load_tensors:   CPU_Mapped model buffer size =   417.66 MiB',
      'llama_kv_cache:      CUDA0 KV buffer size =    25.25 MiB',
      'llama_kv_cache:      CUDA0 KV buffer size =    40.00 MiB',
      'llama_context:  CUDA_Host compute buffer size =   300.75 MiB',
      'sched_reserve:      CUDA0 compute buffer size =   100.00 MiB',
      'sched_reserve:      CUDA0 compute buffer size =   300.00 MiB',
    ];
    const refused =
      'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: cudaMalloc failed: out of memory';
    const had = (8700.5 + 1000 + 25.25 + 40 + 300) * mib;
    const behind = 'load_tensors:        CUDA0 model buffer size =  7.00 MiB';
    expect(judged(...load, refused, behind)).toMatchObject({ class: 'vram_oom', askedBytes: 512 * mib, usedBytes: had });
    // It slept, and woke.
    expect(judged(...load, 'llama_server: model loaded', ...load, refused)).toMatchObject({ usedBytes: had });
    expect(judged(...load, '--- poolctl: chat/r0 incarnation 2 2026-11-27T07:00:00.000Z', refused)).toMatchObject({
      usedBytes: null,
    });
    expect(judged(`request: {"prompt":"load_tensors: CUDA0 model buffer size =  7.00 MiB"}`, refused)).toMatchObject({
      usedBytes: null,
    });
  });

  it('has nothing from far away, from before, from what was lived through, or of another class', () => {
    expect(judged(vulkan, ...Array(40).fill('tick'), buffer)).toMatchObject({ class: 'vram_oom', askedBytes: null });
    expect(judged('x: failed to reuse a buffer of size 7', vulkan)).toMatchObject({ class: 'vram_oom', askedBytes: null });
    expect(judged(vulkan, 'retrying without pipeline parallelism', buffer, 'ggml_cuda: CUDA error: out of memory')).toMatchObject(
      {
        class: 'vram_oom',
        evidence: { line: 3 },
        askedBytes: 1_037_832_192,
      },
    );
    expect(judged('CUDA error: an illegal memory access was encountered', buffer)).toMatchObject({
      class: 'gpu_error',
      askedBytes: null,
      usedBytes: null,
    });
  });

  it('does not take it from the text of a user', () => {
    expect(
      judged(vulkan, `INFO 08-20 12:00:00 [logger.py:41] Received request cmpl-1: prompt: 'a buffer of size 7', params: x`),
    ).toMatchObject({
      class: 'vram_oom',
      askedBytes: null,
    });
  });
});
