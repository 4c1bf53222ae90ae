/**
 * The engines of a supervisor that died: found again by identity, asked to stop, then made to, and told when they would not. Nobody is signalled
 * on the word of a number: it takes the start time and the boot of the record, the instance, or the engine's own log.
 */

import type { ReplicaKey } from '../core/model.js';
import type { RecordedEngine } from '../core/state.js';
import type { ProcessStat } from '../host/proc.js';
import type { EngineMarks } from '../host/tree.js';
import { type Processes, signalProcess } from './processes.js';

/** A launch as the registry has it, and the log that its engine writes; null: others write there too, and it proves nothing. */
export type Leftover = RecordedEngine & { readonly logPath: string | null };

export type LeftoversWorld = {
  readonly processes: Pick<Processes, 'survivors'>;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** How long a killed process may take to be gone before it is called stuck. @default 5000 */
  readonly killWaitMs?: number;
};

type Gone = { readonly key: ReplicaKey; readonly pids: readonly number[] };

/**
 * Stops what is left, all records at the same time, each with its own grace. Answers who was found and is gone (`stopped`, with the pids that were
 * found first) and who would not die (`stuck`, with those that are left). Records of which nothing runs any more are in neither.
 */
export async function stopLeftovers(
  recorded: readonly Leftover[],
  world: LeftoversWorld,
): Promise<{ readonly stopped: readonly Gone[]; readonly stuck: readonly Gone[] }> {
  const ends = await Promise.all(recorded.map((record) => stopLeftover(record, world)));
  return {
    stopped: ends
      .filter(({ found, left }) => found.length > 0 && left.length === 0)
      .map(({ key, found }) => ({ key, pids: found })),
    stuck: ends.filter(({ left }) => left.length > 0).map(({ key, left }) => ({ key, pids: left })),
  };
}

type End = { readonly key: ReplicaKey; readonly found: readonly number[]; readonly left: readonly number[] };

async function stopLeftover(record: Leftover, world: LeftoversWorld): Promise<End> {
  const { key, stop } = record;
  const marks: EngineMarks = { leader: record.identity, watched: false, instance: record.instance, logPath: record.logPath };
  const found = await world.processes.survivors(marks);
  if (found.length === 0) return { key, found: [], left: [] };
  for (const each of found) if (signalProcess(each, stop.signal as NodeJS.Signals) === 'sent') signalProcess(each, 'SIGCONT');
  const begun = world.now();
  const graceful = await untilGone(marks, world, begun + stop.graceMs);
  const left =
    graceful.length === 0 ? graceful : await untilGone(marks, world, world.now() + (world.killWaitMs ?? 5000), 'SIGKILL');
  return { key, found: pidsOf(found), left: pidsOf(left) };
}

/** Looks at least once, then until nobody is found or the time is up; answers who is left. With a signal, everybody who is seen gets it. */
async function untilGone(
  marks: EngineMarks,
  { processes, now }: LeftoversWorld,
  deadline: number,
  signal?: NodeJS.Signals,
): Promise<readonly ProcessStat[]> {
  for (let waitMs = 5; ; waitMs = Math.min(100, waitMs * 2)) {
    const left = await processes.survivors(marks);
    if (left.length === 0) return left;
    if (signal !== undefined) for (const each of left) signalProcess(each, signal);
    const restMs = deadline - now();
    if (restMs <= 0) return left;
    await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, restMs)));
  }
}

function pidsOf(processes: readonly ProcessStat[]): readonly number[] {
  return processes.map(({ pid }) => pid);
}
