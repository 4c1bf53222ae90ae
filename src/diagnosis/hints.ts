/** What to change, for the engine that it is about. */

import type { CrashClass } from '../core/crash.js';
import type { EngineKind } from '../core/model.js';
import { rules } from './rules.js';
import { type Family, type Hints, subclassHints } from './subclass-hints.js';

/** Never null in a class that has a remedy: the words of the subclass, else those of the class. `engine` null: for any. */
export function hintFor(kind: CrashClass, subclass: string, engine: EngineKind | null, cure = cureOf(kind, subclass)): string {
  if (cure === 'reboot')
    return 'No restart cures this: reboot the machine, or at least reload the driver with no process on the GPU.';
  if (cure === 'reset')
    return 'No restart cures this: end what uses the GPU and reset it (nvidia-smi --gpu-reset -i N), or reboot.';
  const family = familyOf(engine);
  const narrow = subclassHints[subclass];
  return narrow?.[family] ?? narrow?.other ?? classHints[kind][family] ?? classHints[kind].other;
}

function familyOf(engine: EngineKind | null): Family {
  return engine === 'llamacpp' || engine === 'vllm' || engine === 'sglang' ? engine : 'other';
}

function cureOf(kind: CrashClass, subclass: string): 'reset' | 'reboot' | null {
  return rules().find((rule) => rule.class === kind && rule.subclass === subclass)?.cure ?? null;
}

const classHints: Readonly<Record<CrashClass, Hints & { readonly other: string }>> = {
  vram_oom: {
    llamacpp: 'Lower --ctx-size, --n-gpu-layers, --ubatch-size or --parallel, or quantize the KV cache (--cache-type-k q8_0).',
    vllm: 'Lower --max-model-len or --max-num-seqs; lower --gpu-memory-utilization where other processes use the GPU.',
    sglang: 'Lower --mem-fraction-static; in prefill --chunked-prefill-size, in decode --max-running-requests.',
    other: 'Lower context, batch or layers on the GPU, or see what else uses its memory (nvidia-smi).',
  },
  host_oom: {
    llamacpp: 'Cap the prompt cache (--cache-ram), lower --parallel or --ctx-size, or give it more memory (MemoryMax=).',
    vllm: 'Lower --swap-space and --cpu-offload-gb, or give it more memory; in a container also --shm-size.',
    sglang: 'Lower --hicache-size and --cpu-offload-gb, or give it more memory; in a container also --shm-size.',
    other: "Give it more memory (MemoryMax=, the container's limit), or a smaller model.",
  },
  gpu_error: {
    vllm: 'Try again; if it comes back, try --enforce-eager, and CUDA_LAUNCH_BLOCKING=1 to see where; look for Xid in "journalctl -k".',
    sglang: 'It may be a want of memory in disguise: try a smaller --mem-fraction-static, then --disable-cuda-graph.',
    llamacpp:
      'Try again; if it comes back, try without --flash-attn or with a smaller --ubatch-size; look for Xid in "journalctl -k".',
    other: 'Try again; if it comes back, look for errors of the GPU in "journalctl -k".',
  },
  driver: {
    other:
      'See whether nvidia-smi or rocm-smi works; if not, reload the driver or reboot. A restart of the engine cures nothing.',
  },
  config: { other: 'It would fail again: change what the line names in args, env or model.' },
  crash: {
    llamacpp: 'The fault is in the engine: try another build of llama.cpp or fewer options, and report it with this line.',
    vllm: 'The fault is in the engine: try another version of vLLM or --enforce-eager, and report it with this line.',
    sglang: 'The fault is in the engine: try another version of SGLang or --disable-cuda-graph, and report it with this line.',
    other: 'The fault is in the engine: try another version or fewer options, and report it with this line.',
  },
  hang: {
    vllm: 'Restart it; if it comes back, look at the slowest rank, NCCL_DEBUG=INFO and --disable-custom-all-reduce.',
    sglang: 'Restart it; if it comes back, raise --watchdog-timeout, or look at the slowest rank with NCCL_DEBUG=INFO.',
    other: 'Restart it; if it comes back, look at what it did last, and whether its GPU answers.',
  },
  graceful: { other: 'No fault: start it again if it should serve.' },
  unknown: {
    other: 'Read the log from its start: the cause often stands far above the end. Raise its verbosity if it says nothing.',
  },
};
