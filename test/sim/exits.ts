/** The ways in which virtual engines end, as kernel and log tell of them. */

import type { CrashClass, Diagnosis } from '../../src/core/crash.js';
import type { Alarm, ExitEvidence } from '../../src/core/facts.js';

/** Told by the fault's name in the summary. */
export type Ending = { readonly name: string; readonly exit: ExitEvidence };

export const lastWords: readonly string[] = ['engine: the last line of its log'];

export const endings = {
  segfault: signalled('segfault', 'SIGSEGV', diagnosed('crash', 'segfault')),
  abort: signalled('abort', 'SIGABRT', null),
  'out of VRAM': exited('out of VRAM', 1, diagnosed('vram_oom', 'cuda_malloc')),
  'out of host memory': signalled('out of host memory', 'SIGKILL', diagnosed('host_oom', 'oom_killer')),
  'illegal access': exited('illegal access', 134, diagnosed('gpu_error', 'illegal_memory_access')),
  'driver error': exited('driver error', 1, diagnosed('driver', 'xid')),
  'lost device': exited('lost device', 1, { ...diagnosed('driver', 'device_lost'), cure: 'reboot' }),
  'exit 1 without a word': exited('exit 1 without a word', 1, null),
  'exit 0': exited('exit 0', 0, null),
  'exit 0 with evidence': exited('exit 0 with evidence', 0, diagnosed('gpu_error', 'device_assert')),
  'a stranger sends TERM': signalled('a stranger sends TERM', 'SIGTERM', null),
  'bad flag': exited('bad flag', 1, diagnosed('config', 'unknown_flag', false)),
  'port in use': exited('port in use', 1, diagnosed('config', 'port_in_use')),
  'peer unreachable': exited('peer unreachable', 1, diagnosed('config', 'peer_unreachable')),
} as const satisfies Record<string, Ending>;

/** Ends by our own signal. */
export const bySignal = {
  term: exited('TERM', 0, null),
  kill: signalled('KILL', 'SIGKILL', null),
  /** Nobody but the parent is told how it ended. */
  unseen: { code: null, signal: null, spawnError: null, lastLines: lastWords, diagnosis: null },
} as const;

export function notSpawned(errno: 'EAGAIN' | 'EMFILE' | 'ENOENT'): ExitEvidence {
  return {
    code: null,
    signal: null,
    spawnError: { errno, text: `cannot make the process: ${errno}` },
    lastLines: [],
    diagnosis: null,
  };
}

export function alarmOf(kind: Alarm['kind']): Alarm {
  const subclass = kind === 'sticky' ? 'illegal_memory_access' : 'cublas_failed';
  return { kind, class: 'gpu_error', subclass, line: 7, text: `CUDA error: ${subclass}` };
}

function exited(name: string, code: number, diagnosis: Diagnosis | null): Ending {
  return { name, exit: { code, signal: null, spawnError: null, lastLines: lastWords, diagnosis } };
}

function signalled(name: string, signal: string, diagnosis: Diagnosis | null): Ending {
  return { name, exit: { code: null, signal, spawnError: null, lastLines: lastWords, diagnosis } };
}

function diagnosed(of: CrashClass, subclass: string, restartable = true): Diagnosis {
  return {
    class: of,
    subclass,
    fatal: true,
    restartable,
    confidence: 'high',
    evidence: { line: 7, text: `its log: ${subclass}` },
    summary: subclass,
    hint: restartable ? null : 'change it in pools.yaml',
    cure: null,
    askedBytes: null,
    usedBytes: null,
  };
}
