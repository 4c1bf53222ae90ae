/** Alarms of living engines. */

import { describe, expect, it } from 'vitest';
import { alarmOf } from '../../src/diagnosis/living.js';
import { processorMs } from '../rig/processor.js';

describe('alarmOf', () => {
  it.each([
    ['CUDA error: an illegal memory access was encountered', 'gpu_error', 'illegal_memory_access'],
    [
      '(EngineCore_0 pid=7) ERROR 03-01 09:00:00 [core.py:7] RuntimeError: CUDA error: device-side assert triggered',
      'gpu_error',
      'device_side_assert',
    ],
    ['ggml_vulkan: vk::Queue::submit: ErrorDeviceLost', 'gpu_error', 'device_lost'],
    ['vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.', 'gpu_error', 'dead_core'],
    ['Mar  1 09:00:00 box kernel: NVRM: Xid (PCI:0000:c1:00): 79, pid=7, GPU has fallen off the bus.', 'driver', 'xid_79'],
  ])('%s: sticky', (line, kind, subclass) => {
    expect(alarmOf(line)).toEqual({ kind: 'sticky', class: kind, subclass, text: line });
  });

  it.each([
    ['CUDA error: invalid argument', 'gpu_error', 'cuda_invalid_argument'],
    ['RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`', 'gpu_error', 'blas_error'],
    ['Failed to initialize NVML: Driver/library version mismatch', 'driver', 'nvml_mismatch'],
    ['torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:77', 'gpu_error', 'nccl_error'],
  ])('%s: suspect', (line, kind, subclass) => {
    expect(alarmOf(line)).toEqual({ kind: 'suspect', class: kind, subclass, text: line });
  });

  it.each([
    '0.32.279.955 I srv  update_slots: all slots are idle',
    'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB',
    'WARNING 03-01 09:00:00 [cuda.py:7] CUDA error: an illegal memory access was encountered in a probe',
    'ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected',
    'Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.',
    'NVRM: Xid (PCI:0000:c1:00): 43, pid=7, name=python3',
    '',
  ])('%s: none', (line) => {
    expect(alarmOf(line)).toBeNull();
  });

  it('is not held up by a line of a megabyte', () => {
    const line = 'cuda error '.repeat(100_000);
    expect(alarmOf(line)?.text.length).toBe(500);
    expect(processorMs(() => alarmOf(line))).toBeLessThan(500);
  });
});
