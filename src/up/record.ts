/** What the registry's file holds: the core's record, which boot it is of, how its supervisor ended, and the last known state for clients. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { StatusView } from '../api/wire.js';
import type { PoolSpec, Result } from '../core/model.js';
import { type RecordedState, recorded } from '../core/record.js';
import type { RecordedEngine, State } from '../core/state.js';

/** Raised where a supervisor of the format before would misread it. What is only added is no new format: it may be missing. */
const format = 2;

/** How its supervisor ended: as asked, with every engine stopped; leaving its engines to the next; or not at all (null). */
export type Ended = 'clean' | 'kept' | null;

export type Record = {
  readonly format: typeof format;
  readonly boot_id: string;
  readonly ended: Ended;
  readonly state: RecordedState;
  readonly status: StatusView;
};

export type RecordMaker = {
  record(state: State, ended: Ended, status: StatusView): Record;
  readonly entryOf: (spec: PoolSpec) => string;
};

/** `now` and `wallMs` are those of the writing. */
export function recordMaker(bootId: string, clock: { readonly now: () => number; readonly wallMs: () => number }): RecordMaker {
  const entryOf = makeEntryOf();
  return {
    entryOf,
    record: (state, ended, status) => ({
      format,
      boot_id: bootId,
      ended,
      state: recorded(state, entryOf, { at: clock.now(), wallMs: clock.wallMs() }),
      status,
    }),
  };
}

/** The error, a sentence, says of what is no record what it is instead. */
export function parseRecord(content: unknown): Result<Record, string> {
  if (typeof content !== 'object' || content === null) return { ok: false, error: noRecord };
  const record = content as Partial<Record>;
  const found: unknown = record.format;
  if (Number.isInteger(found) && found !== format) {
    const whose = Number(found) > format ? 'a newer' : 'an older';
    return { ok: false, error: `${whose} poolctl has written it (format ${found}, and this one reads ${format})` };
  }
  const state = record.state as Partial<RecordedState> | null | undefined;
  const whole =
    record.format === format &&
    typeof record.boot_id === 'string' &&
    typeof state === 'object' &&
    state !== null &&
    typeof state.replicas === 'object' &&
    state.replicas !== null &&
    typeof state.retired === 'object' &&
    state.retired !== null;
  return whole ? { ok: true, value: record as Record } : { ok: false, error: noRecord };
}

const noRecord = 'it is no registry of poolctl';

/** Null where there is none, or none that this version can read: what is wrong with it is for `up` to say and to mend. */
export async function readRecord(path: string): Promise<Record | null> {
  try {
    const record = parseRecord(JSON.parse(await readFile(path, 'utf8')));
    return record.ok ? record.value : null;
  } catch {
    return null;
  }
}

/** All that may run: of replicas, of launches whose process was not seen yet, of those that died last, and of places that are gone. */
export function recordedEngines({ state }: Record): readonly RecordedEngine[] {
  const running = Object.values(state.replicas).flatMap(({ life, died }) => [
    ...('engine' in life
      ? [life.engine]
      : 'intent' in life && life.state === 'preparing' && life.intent !== null
        ? [life.intent]
        : []),
    ...(died === null ? [] : [died]),
  ]);
  return [...running, ...state.leftovers];
}

/** Told from another by a digest: values that may be secrets are not written down. Each entry is digested once. */
function makeEntryOf(): (spec: PoolSpec) => string {
  const known = new WeakMap<PoolSpec, string>();
  return (spec) => {
    const digest =
      known.get(spec) ??
      createHash('sha256')
        .update(JSON.stringify(sorted(written(spec))))
        .digest('hex')
        .slice(0, 32);
    known.set(spec, digest);
    return digest;
  };
}

/** A name that was found is no part of the entry: an engine goes on where the model's file can no longer be read, or says another name. */
function written(spec: PoolSpec): PoolSpec {
  return spec.modelIdGiven ? spec : { ...spec, modelId: null };
}

/** Keys in one order, whatever the file's: an entry that says the same is the same. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}
