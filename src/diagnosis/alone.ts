/** The verdict on a log of which nothing else is known: what the machine counted, and who sent what, nobody has noted. */

import type { Diagnosis } from '../core/crash.js';
import type { EngineKind } from '../core/model.js';
import { wasKilled } from './exit.js';
import { hintFor } from './hints.js';
import type { LogReader } from './log-reader.js';

export type { Diagnosis };

/** What is known beside the log. */
export type Alone = { readonly engine: EngineKind | null; readonly code: number | null; readonly signal: string | null };

/**
 * As `reader.diagnose`, but a kill without a word is taken for the kernel's, with low confidence: of all that kill engines the want of memory
 * is the most frequent. A supervisor that can look at the counters must not guess so.
 */
export function diagnoseAlone(reader: LogReader, { engine, code, signal }: Alone): Diagnosis {
  const found = reader.diagnose({ engine, code, signal, asked: false, kernel: [], phase: null });
  if (found.class !== 'unknown' || !(found.subclass === 'killed' || wasKilled({ code, signal }))) return found;
  return {
    ...found,
    class: 'host_oom',
    subclass: 'sigkill_no_text',
    fatal: true,
    restartable: false,
    summary: 'It was killed without a word, most likely for want of memory.',
    hint: `"journalctl -k | grep -i oom" tells for certain. ${hintFor('host_oom', 'kernel_oom_kill', engine)}`,
  };
}
