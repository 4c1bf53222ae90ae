/** The order of evidence, and what is kept of a log. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/core/crash.js';
import { diagnoseAlone } from '../../src/diagnosis/alone.js';
import { anyForm } from '../../src/diagnosis/form.js';
import { type Circumstances, logReader } from '../../src/diagnosis/log-reader.js';
import { alone } from './circumstances.js';

function judged(log: readonly string[], circumstances: Partial<Circumstances> = {}): Diagnosis {
  const reader = logReader(anyForm);
  for (const line of log) reader.read(line);
  return reader.diagnose({ ...alone, ...circumstances });
}

const oom = 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB';
const wrapper = 'RuntimeError: Engine core initialization failed. See root cause above.';
const illegal = 'CUDA error: an illegal memory access was encountered';
const term = '[2026-03-01 09:00:00] SIGTERM received. Draining requests and shutting down...';

describe('what counts', () => {
  it('the first cause, not the last line', () => {
    expect(judged(['loading', oom, illegal, wrapper, 'Segmentation fault (core dumped)'])).toMatchObject({
      class: 'vram_oom',
      fatal: true,
      confidence: 'high',
      evidence: { line: 2, text: oom },
    });
  });

  it('a cause before a symptom, even an earlier one', () => {
    expect(judged(['ggml-cuda.cu:98: CUDA error', oom])).toMatchObject({ class: 'vram_oom', evidence: { line: 2 } });
  });

  it('a wrapper is never the cause, and alone it says that the cause is not here', () => {
    expect(judged([wrapper, oom])).toMatchObject({ class: 'vram_oom' });
    expect(judged([wrapper])).toMatchObject({ class: 'crash', subclass: 'cause_not_in_log', confidence: 'low' });
  });

  it('our own stop before everything', () => {
    expect(judged([oom], { asked: true, signal: 'SIGKILL' })).toMatchObject({ class: 'graceful', fatal: false });
  });

  it('a stop that stands before the scary words; after them it is a part of the failure', () => {
    expect(judged([term, 'Subprocess scheduler_0 crashed with exit code -15.'])).toMatchObject({
      class: 'graceful',
      evidence: { line: 1 },
    });
    expect(judged([oom, term])).toMatchObject({ class: 'vram_oom' });
    expect(judged([wrapper, term])).toMatchObject({ class: 'crash' });
  });

  it('not what the engine went on after', () => {
    const served = 'INFO:     10.0.0.1:4711 - "POST /v1/completions HTTP/1.1" 200 OK';
    expect(judged([oom, served])).toMatchObject({ fatal: false });
    expect(judged([oom, served, illegal])).toMatchObject({ class: 'gpu_error', fatal: true, evidence: { line: 3 } });
    expect(judged([oom, served], { code: 1 })).toMatchObject({ class: 'unknown', fatal: false });
  });

  it('not what is only warned of, or ignored', () => {
    expect(judged([`WARNING 03-01 09:00:00 [cuda.py:7] ${illegal}`])).toMatchObject({ fatal: false });
    expect(judged(["Ignore import error when loading x: No module named 'torchaudio'"])).toMatchObject({
      class: 'unknown',
      fatal: false,
    });
  });

  it('the last incarnation, with the line numbers of the file', () => {
    const log = [
      '--- poolctl: chat/r0 incarnation 1 2026-03-01T09:00:00.000Z',
      oom,
      '--- poolctl: chat/r0 incarnation 2 2026-03-01T09:00:09.000Z',
      illegal,
    ];
    expect(judged(log)).toMatchObject({ class: 'gpu_error', evidence: { line: 4 } });
    expect(judged(log.slice(0, 3))).toMatchObject({ class: 'unknown' });
  });
});

describe('what the kernel says', () => {
  const kill = (source: 'cgroup' | 'kernel' | 'machine') => [{ kind: 'oom', source, text: 'oom_kill 1' } as const];

  it('goes before the log', () => {
    expect(judged([illegal], { kernel: kill('cgroup'), signal: 'SIGKILL' })).toMatchObject({
      class: 'host_oom',
      confidence: 'high',
    });
    expect(judged([], { kernel: kill('machine'), signal: 'SIGKILL' })).toMatchObject({ class: 'host_oom', confidence: 'low' });
  });

  it('makes no SIGTERM an OOM, nor the machine’s counter anything but a SIGKILL', () => {
    expect(judged([], { kernel: kill('cgroup'), signal: 'SIGTERM' }).class).toBe('unknown');
    expect(judged([], { kernel: kill('machine'), code: 1 }).class).toBe('unknown');
  });

  it.each([
    [13, 'gpu_error', null],
    [31, 'gpu_error', null],
    [94, 'gpu_error', null],
    [48, 'driver', 'reset'],
    [62, 'driver', 'reset'],
    [95, 'driver', 'reset'],
    [119, 'driver', 'reset'],
    [79, 'driver', 'reboot'],
  ])('Xid %i: %s, cured by %s', (xid, kind, cure) => {
    expect(judged([oom], { kernel: [{ kind: 'xid', xid, text: 'NVRM: Xid' }], code: 1 })).toMatchObject({
      class: kind,
      cure,
      fatal: true,
    });
  });

  it.each([43, 45, 63, 92, 154, 999])('Xid %i alone explains nothing: the log may', (xid) => {
    expect(judged([oom], { kernel: [{ kind: 'xid', xid, text: 'NVRM: Xid' }] })).toMatchObject({ class: 'vram_oom' });
    expect(judged([], { kernel: [{ kind: 'xid', xid, text: 'NVRM: Xid' }] })).toMatchObject({ class: 'unknown' });
  });
});

describe('code and signal', () => {
  it('only fill gaps', () => {
    expect(judged([oom], { signal: 'SIGSEGV' }).class).toBe('vram_oom');
    expect(judged(['loading'], { signal: 'SIGSEGV' })).toMatchObject({ class: 'crash', subclass: 'segfault', fatal: true });
    expect(judged(['loading'], { code: 127 })).toMatchObject({ class: 'config', subclass: 'program_missing', confidence: 'low' });
  });

  it('a SIGKILL or SIGTERM from nobody knows where is unknown', () => {
    expect(judged([], { signal: 'SIGKILL' })).toMatchObject({ class: 'unknown', fatal: false });
    expect(judged([], { code: 137 })).toMatchObject({ class: 'unknown' });
    expect(judged([], { signal: 'SIGTERM' })).toMatchObject({ class: 'unknown' });
  });

  it('but where there is nothing else than a file, a kill is taken for want of memory, not for certain', () => {
    expect(diagnoseAlone(logReader(anyForm), { engine: null, code: null, signal: 'SIGKILL' })).toMatchObject({
      class: 'host_oom',
      subclass: 'sigkill_no_text',
      confidence: 'low',
    });
    expect(diagnoseAlone(logReader(anyForm), { engine: null, code: null, signal: 'SIGTERM' }).class).toBe('unknown');
  });

  it('unknown says the phase', () => {
    expect(judged(['llama_model_loader: loaded meta data'], { code: 1 }).summary).toBe(
      'It ended with code 1, while it loaded, and nothing here says why.',
    );
    expect(judged([], { signal: 'SIGKILL', phase: 'serving' }).summary).toBe(
      'It ended by SIGKILL, while it served, and nothing here says why.',
    );
  });
});

describe('lines', () => {
  it.each([
    'llm-1  | ',
    '2026-03-01T09:00:00.123456789Z ',
    'Mar 01 09:00:00 box vllm[7]: ',
    '6月 28 02:52:53 box vllm[7]: ',
    '(EngineCore_DP0 pid=7) ERROR 03-01 09:00:00 [core.py:7] ',
    '[rank0]: ',
    '\u001b[31mERROR\u001b[0m: ',
    'time=2026-03-01T09:00:00Z level=ERROR source=sched.go:7 ',
  ])('are read behind "%s"', (prefix) => {
    expect(judged([`${prefix}ValueError: the head size must be a multiple of 8`])).toMatchObject({
      class: 'config',
      subclass: 'settings_refused',
    });
  });

  it('may be broken by a terminal, between words and within one', () => {
    expect(judged(['  The server says: CUDA out', '  of memory. Tried to allocate'])).toMatchObject({
      class: 'vram_oom',
      evidence: { line: 1 },
    });
    expect(judged(['failed because of an illegal memory acc', 'ess was encountered here'])).toMatchObject({ class: 'gpu_error' });
  });

  it('an exception that comes out of settings is a matter of settings', () => {
    const raised = 'AssertionError: backend';
    expect(judged(['  File "/x/sglang/srt/server_args.py", line 7, in __post_init__', raised])).toMatchObject({
      class: 'config',
      confidence: 'low',
    });
    expect(judged(['  File "/x/sglang/srt/scheduler.py", line 7, in run', raised])).toMatchObject({ class: 'crash' });
  });

  it('make the same of bytes, cut anywhere', () => {
    const bytes = new TextEncoder().encode(`lädt\n${'x'.repeat(20_000)} ${illegal}\n  ${oom}`);
    for (const size of [1, 7, 4096, bytes.length]) {
      const reader = logReader(anyForm);
      for (let at = 0; at < bytes.length; at += size) reader.readBytes(bytes.slice(at, at + size));
      expect(reader.diagnose(alone)).toMatchObject({ class: 'vram_oom', evidence: { line: 3, text: oom } });
    }
  });

  it('are not kept, however many fit', () => {
    const reader = logReader(anyForm);
    reader.readBytes(new TextEncoder().encode('warm up\n'));
    const lines = new TextEncoder().encode(
      `${illegal} and this is a long line indeed ${'x'.repeat(900)}\nINFO: "POST / HTTP/1.1" 200 OK\n`.repeat(1000),
    );
    collectGarbage();
    const before = process.memoryUsage();
    for (let times = 0; times < 100; times += 1) reader.readBytes(lines);
    collectGarbage();
    const after = process.memoryUsage();
    // 100 MB were read.
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(10e6);
    expect(reader.diagnose(alone)).toMatchObject({ class: 'gpu_error', fatal: false, evidence: { line: 200_000 } });
  });
});

/** What is still referred to is what counts; garbage may be large on a busy machine. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

describe('hints', () => {
  it('are for the engine, named or guessed', () => {
    expect(judged([oom], { engine: 'vllm' }).hint).toContain('--max-model-len');
    expect(judged([oom], { engine: 'sglang' }).hint).toContain('--mem-fraction-static');
    expect(judged(['llama_model_loader: x', 'cudaMalloc failed: out of memory']).hint).toContain('--n-gpu-layers');
    expect(judged([oom], { engine: 'command' }).hint).toContain('nvidia-smi');
  });
});
