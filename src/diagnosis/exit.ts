/** What code and signal say where the log says nothing. */

import { type Rule, rulesOf } from './rule.js';

type End = { readonly code: number | null; readonly signal: string | null };

/** Null where they prove nothing: 0, 1, SIGTERM, and SIGKILL, which is anybody's. A shell tells the signal n as code 128+n. */
export function endOf({ code, signal }: End): Rule | null {
  return (
    ends.find(
      ([signals, codes]) => (signal !== null && signals.includes(signal)) || (code !== null && codes.includes(code)),
    )?.[2] ?? null
  );
}

/** Ended by SIGKILL, or so a shell says. */
export function wasKilled({ code, signal }: End): boolean {
  return signal === 'SIGKILL' || code === 137;
}

const [segfault, abort, illegal, arithmetic] = rulesOf('crash', [
  end('segfault', 'It touched memory that is not its own (segmentation fault), and its log does not say where'),
  end('abort', 'It stopped itself (abort), and its log does not say why'),
  end('cpu_illegal_instruction', 'It uses an instruction that this CPU does not have'),
  end('arithmetic_error', 'It divided by zero, or the like'),
]) as readonly [Rule, Rule, Rule, Rule];
const [bus] = rulesOf('host_oom', [
  end('bus_error', 'It ended with a bus error: shared memory full, or a mapped file cut short'),
]) as readonly [Rule];
const [missing] = rulesOf('config', [
  end('program_missing', 'Its program, or one that it starts, was not found or cannot be run'),
]) as readonly [Rule];
const [library] = rulesOf('config', [end('missing_shared_library', 'A library that it needs is not there')]) as readonly [Rule];

/** Windows' codes stand here, too: logs come from anywhere. */
const ends: readonly (readonly [readonly string[], readonly number[], Rule])[] = [
  [['SIGSEGV'], [139, 0xc0000005, -11], segfault],
  [['SIGABRT', 'SIGTRAP'], [134, 0xc0000409, -6], abort],
  [['SIGILL'], [132, 0xc000001d, -4], illegal],
  [['SIGFPE'], [136, -8], arithmetic],
  [['SIGBUS'], [135, -7], bus],
  [[], [126, 127], missing],
  [[], [0xc0000135], library],
];

function end(subclass: string, says: string) {
  return { subclass, says, weight: 'symptom', phrases: [], example: '' } as const;
}
