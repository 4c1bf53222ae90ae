/** A model that is being brought to where its engine can read it: what is told of that, and for how long it is waited for. */

import type { Event } from './events.js';
import type { ReplicaKey } from './model.js';
import type { ModelNews, Staged, Staging } from './progress.js';
import type { In } from './replica.js';
import { replicaIn, type State } from './state.js';
import { type Scene, type Turn, tell } from './turn.js';
import { gib, span } from './words.js';

/** A check that hears nothing of its model for so long has met an obstacle. */
export const silenceMs = 60_000;

const every = { ms: 10_000, percent: 10 };

/** "fetches qwen3-8b.gguf: 54 %, 4.9 of 9.1 GiB, about 40s left". */
export function stagingText({ file, doing, doneBytes, totalBytes, leftMs, note }: Staging): string {
  const does = { fetch: 'fetches', digest: 'checks the digest of', wait: 'waits for' }[doing];
  const percent = totalBytes === null || totalBytes === 0 ? null : `${Math.floor((100 * doneBytes) / totalBytes)} %`;
  const parts = [
    percent,
    ofTotal(doneBytes, totalBytes),
    leftMs === null ? null : `about ${span(wholeSeconds(leftMs))} left`,
    note,
  ];
  return `${does} ${file}: ${parts.filter((part) => part !== null).join(', ')}`;
}

/** More came of it: the check has time again. Told at the start, and then now and then. */
export function staging(
  replica: In<'preparing'>,
  { check, staging: last }: { readonly check: number; readonly staging: Staging },
  scene: Scene,
): Turn {
  const { life } = replica;
  if (life.phase !== 'checking' || check !== life.launch.check) return { replica, effects: [], events: [] };
  const { staged, event } = goOn(life.staged, last, scene.now);
  const after = { ...replica, life: { ...life, deadline: scene.now + silenceMs, staged } };
  return { replica: after, effects: [], events: event === null ? [] : [tell(after, scene, event)] };
}

/** What is known of it now, and what is told of that; `event` is null where it was told a moment ago, or another tells. */
export function goOn(
  before: Staged | null,
  last: Staging,
  now: number,
): { readonly staged: Staged; readonly event: Event | null } {
  const news = !last.shared && isNews(before, last, now);
  const told = news || before === null ? { at: now, percent: percentOf(last) } : before.told;
  const level = last.note === null ? 'info' : 'warn';
  const event: Event = { event: 'model.staging', level, detail: stagingText(last), ...sizesOf(last) };
  return { staged: { last, told }, event: news ? event : null };
}

function isNews(before: Staged | null, last: Staging, now: number): boolean {
  if (before === null || before.last.shared || before.last.doing !== last.doing) return true;
  if ((before.last.note === null) !== (last.note === null)) return true;
  return now - before.told.at >= every.ms || percentOf(last) - before.told.percent >= every.percent;
}

const percentOf = ({ doneBytes, totalBytes }: Staging): number =>
  totalBytes === null || totalBytes === 0 ? 0 : (100 * doneBytes) / totalBytes;

/** What is told of its end, be it good or bad. Of a failure only where its beginning was told: whoever meets it at once says so otherwise. */
export function endOfStaging(
  staged: Staged | null,
  { failure, news }: { readonly failure: string | null; readonly news: ModelNews | null },
): readonly Event[] {
  if (failure !== null)
    return staged === null || staged.last.shared
      ? []
      : [{ event: 'model.failed', level: 'error', reason: failure, ...sizesOf(staged.last) }];
  if (news === null) return [];
  return [{ event: 'model.staged', level: 'info', result: news.verified ? 'verified' : 'unverified', detail: news.text }];
}

const sizesOf = ({ doneBytes, totalBytes }: Staging): Partial<Event> => ({
  bytes_done: doneBytes,
  ...(totalBytes === null ? {} : { bytes_total: totalBytes }),
});

/** Who asked for a model: a check before a launch, or a reload's look at its new one. */
export type Asker = { readonly key: ReplicaKey; readonly check: number } | { readonly operationId: string };

/** Whether anybody still waits for that answer. What nobody waits for is not to go on. */
export function isAwaited(asker: Asker, { pools }: State): boolean {
  if ('operationId' in asker)
    return [...pools.values()].some(
      ({ reload }) => reload?.operationId === asker.operationId && !reload.verified && reload.failure === null,
    );
  const life = replicaIn(pools, asker.key)?.life;
  return life?.state === 'preparing' && life.phase === 'checking' && life.launch.check === asker.check;
}

function ofTotal(done: number, total: number | null): string {
  if (total === null) return gib(done);
  const [left, right] = [gib(done), gib(total)];
  const [number, unit] = left.split(' ');
  return right.endsWith(` ${unit}`) ? `${number} of ${right}` : `${left} of ${right}`;
}

const wholeSeconds = (ms: number): number => Math.max(1, Math.round(ms / 1000)) * 1000;
