/** What files' digests were, by the very file: worked out off our thread, once, and remembered by the next supervisor too. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Result } from '../core/model.js';
import type { Staging } from '../core/progress.js';
import { bytesCalledFor } from '../host/proc.js';
import { runProgram } from '../host/run.js';
import { speedometer } from '../models/speedometer.js';
import { makeSharedWork, type Watch } from './shared-work.js';

export type Digests = {
  /** "sha256:…" of a file; null for whoever has left. The error is a phrase for people. */
  of(file: DigestedFile, watch: Watch): Promise<Result<string, string> | null>;
  /** It was worked out elsewhere. */
  remember(identity: string, digest: string): void;
};

export type DigestedFile = {
  readonly path: string;
  /** For people. */
  readonly name: string;
  /** Tells the file as it is now from what it was. */
  readonly identity: string;
};

/** The oldest are forgotten. */
const mostRemembered = 500;
const tellEveryMs = 1_000;

/** `file`: where they are remembered; null: nowhere, and what others wrote there is not read. `keep` false: it is only read. */
export function makeDigests(file: string | null, keep = true): Digests {
  const known = file === null ? new Map<string, string>() : readKnown(file);
  const share = makeSharedWork<Result<string, string>>();

  function remember(identity: string, digest: string): void {
    known.delete(identity);
    known.set(identity, digest);
    for (const oldest of known.keys()) {
      if (known.size <= mostRemembered) break;
      known.delete(oldest);
    }
    if (file === null || !keep) return;
    try {
      writeFileSync(`${file}.tmp`, `${JSON.stringify(Object.fromEntries(known))}\n`, { mode: 0o600 });
      renameSync(`${file}.tmp`, file);
    } catch {
      // It is worked out again then.
    }
  }

  return {
    remember,
    async of(wanted, watch) {
      const before = known.get(wanted.identity);
      if (before !== undefined) return { ok: true, value: before };
      return share(wanted.identity, watch, async (signal, tell) => {
        const digest = await workOut(wanted.path, signal, (progress) =>
          tell({ file: wanted.name, doing: 'digest', note: null, ...progress }),
        );
        if (digest.ok) remember(wanted.identity, digest.value);
        return digest;
      });
    },
  };
}

/** SHA-256 by a program, so that gigabytes are not read on our thread. How far it is, the kernel tells; a disk that hangs is told by silence. */
async function workOut(
  path: string,
  signal: AbortSignal,
  tell: (progress: Pick<Staging, 'doneBytes' | 'totalBytes' | 'leftMs'>) => void,
): Promise<Result<string, string>> {
  const bytes = (await stat(path).catch(() => null))?.size ?? 0;
  const speed = speedometer();
  let last = -1;
  let timer: NodeJS.Timeout | undefined;
  const onStart = (pid: number): void => {
    timer = setInterval(async () => {
      const done = Math.min(bytes, (await bytesCalledFor(pid)) ?? bytes);
      if (done === last || timer === undefined) return;
      last = done;
      tell({ doneBytes: done, totalBytes: bytes, leftMs: speed(performance.now(), done, bytes) });
    }, tellEveryMs);
  };
  const run = await runProgram('sha256sum', ['-b', '--', path], { timeoutMs: 6 * 3_600_000, signal, onStart });
  clearInterval(timer);
  timer = undefined;
  if (!run.ok) return run;
  // A name with odd characters is printed escaped, with a backslash before the line.
  const hex = /^\\?([0-9a-f]{64}) /.exec(run.value.stdout)?.[1];
  return hex === undefined
    ? { ok: false, error: run.value.stderr.trim() || 'sha256sum printed no digest' }
    : { ok: true, value: `sha256:${hex}` };
}

function readKnown(file: string): Map<string, string> {
  try {
    const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, string] => /^sha256:[0-9a-f]{64}$/.test(String(entry[1]))));
  } catch {
    return new Map();
  }
}
