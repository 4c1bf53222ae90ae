/** A supervisor that comes after another: what that one wrote down, through JSON, and back into state. */

import type { PoolSpec, SupervisorSpec } from '../../src/core/model.js';
import { type RecordedState, recorded } from '../../src/core/record.js';
import { type Restored, restore } from '../../src/core/restore.js';
import type { State } from '../../src/core/state.js';
import { inventoryOf, supervisorSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

export type Again = {
  /** @default the pools as they were */
  readonly pools?: readonly PoolSpec[];
  readonly supervisor?: Partial<SupervisorSpec>;
  readonly named?: readonly string[];
  readonly clean?: boolean;
  readonly sameBoot?: boolean;
  /** When it begins, on its own monotonic clock. @default the moment of the writing */
  readonly now?: number;
  /** Epoch milliseconds. @default as `now` has it in the old boot */
  readonly wallMs?: number;
};

const entries = new WeakMap<PoolSpec, string>();

function entryOf(spec: PoolSpec): string {
  const entry = entries.get(spec) ?? JSON.stringify(spec);
  entries.set(spec, entry);
  return entry;
}

/** As it comes from the disk. */
export function written(state: State, at: number): RecordedState {
  return JSON.parse(JSON.stringify(recorded(state, entryOf, { at, wallMs: 1e12 + at }))) as RecordedState;
}

export function restoredFrom(record: RecordedState, state: State, more: Again = {}): Restored {
  const { named = [], clean = false, sameBoot = true, now = record.at.at } = more;
  const pools = more.pools ?? [...state.pools.values()].map(({ spec }) => spec);
  return restore({
    inventory: { ...inventoryOf(...pools), supervisor: { ...supervisorSpec, ...more.supervisor } },
    named,
    devices: { devices: state.devices.devices, tool: state.devices.tool, note: null, processes: null, askedAt: now },
    exitOnAllFailed: false,
    now,
    record,
    clean,
    sameBoot,
    entryOf,
    wallMs: more.wallMs ?? 1e12 + now,
  });
}

/** Killed and begun again, so much later. */
export function again(bench: Bench, more: Again = {}): Bench {
  const now = more.now ?? bench.now + 5_000;
  const restored = restoredFrom(written(bench.state, bench.now), bench.state, { ...more, now });
  const next = new Bench([]);
  next.now = now;
  return next.resume(restored);
}
