/** What src/shell/leftovers.ts promises: engines without a place in the inventory are asked to stop, then made to. */

import type { State } from '../../src/core/state.js';
import type { Machine } from './machine.js';

/** After SIGKILL a process that is not gone is left alone, and told of. */
const killWaitMs = 5_000;

export async function clearLeftovers(
  leftovers: State['leftovers'],
  { processes, now: _, timeline, watch }: Machine,
  later: <T>(ms: number, look: () => T) => Promise<T>,
): Promise<void> {
  const left = (): readonly string[] =>
    leftovers.filter(({ instance }) => processes.treeOf(instance).length > 0).map(({ key }) => key);
  await later(5, () => undefined);
  if (left().length === 0) return;
  watch.count('leftovers');
  for (const { instance } of leftovers) for (const each of processes.treeOf(instance)) processes.term(each);
  const graceUntil = timeline.now + Math.max(...leftovers.map(({ stop }) => stop.graceMs));
  while (left().length > 0 && timeline.now < graceUntil) await later(100, () => undefined);
  for (const { instance } of leftovers) for (const each of processes.treeOf(instance)) processes.kill(each);
  const killUntil = timeline.now + killWaitMs;
  while (left().length > 0 && timeline.now < killUntil) await later(100, () => undefined);
  for (const { instance } of leftovers) watch.abandoned(instance);
}
