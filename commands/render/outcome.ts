/** How an operation ended, in a sentence. */

import type { ActVerb } from '../../src/api/client.js';
import type { OperationView } from '../../src/api/wire.js';
import { parseDuration } from '../../src/text/duration.js';
import { oneLine } from '../../src/text/one-line.js';
import { span, took } from '../../src/text/time.js';
import type { Losses } from '../ask/drain-news.js';

/** Names of holders that a line has room for. */
const namedHolders = 3;

const goals: Readonly<Record<ActVerb, string>> = {
  start: 'ready',
  stop: 'stopped',
  restart: 'ready',
  reset: 'ready',
  drain: 'drained',
};

/** What was wished for and what was lost, beside what the operation tells. */
export type Told = {
  readonly losses: Losses;
  /** The deadline of a drain as it was typed, if it was. */
  readonly deadline: string | undefined;
  /** When this was asked for, in epoch milliseconds. An operation that was joined began before. */
  readonly askedAt: number;
};

/** Of one that succeeded, runs still, or is a drain that was cancelled. */
export function outcomeText(verb: ActVerb, name: string, operation: OperationView, told: Told): string {
  const { state, changed, outcome, started_at, finished_at } = operation;
  if (state === 'running') return `${name}: ${verb} begun. Follow it: poolctl wait ${name} --for ${goals[verb]}`;
  if (outcome === 'cancelled') return `${name} was not drained: ${operation.error?.message ?? 'it was cancelled'}`;
  if (outcome === 'forced') return `${name} ${forcedText(operation, told)}`;
  if (!changed && finished_at === started_at) return `${name} is ${verb === 'drain' ? 'stopped' : goals[verb]} already`;
  const tookMs = finished_at === null ? 0 : Date.parse(finished_at) - Date.parse(started_at);
  const cut = operation.cut === 0 ? '' : `, ${cutText(operation.cut, told.losses.holders)}`;
  const next = verb === 'stop' || verb === 'drain' ? `. To serve again: poolctl start ${name}` : '';
  return `${name} ${goals[verb]} in ${took(tookMs)}${cut}${next}`;
}

/** `forced at the deadline of 60s: 1 lease cut (nightly-batch)`. */
export function forcedText(operation: OperationView, { losses, deadline, askedAt }: Told): string {
  const { cut, started_at } = operation;
  const lost = cut === 0 ? 'running requests were cut off' : cutText(cut, losses.holders);
  const { deadlineAt: at } = losses;
  if (at === null) return `forced, since an engine ended by itself: ${lost}`;
  const ms = typedMs(deadline, at - askedAt);
  if (ms === 0) return `forced at once: ${lost}`;
  return `forced at the deadline of ${ms === null ? roughly(at - Date.parse(started_at)) : deadline}: ${lost}`;
}

/** `2 leases cut (nightly-batch, me@host:4100)`. */
export function cutText(cut: number, holders: readonly (string | null)[]): string {
  const names = holders.filter((holder) => holder !== null).map(oneLine);
  const shown = names.length > namedHolders ? [...names.slice(0, namedHolders), '...'] : names;
  return `${cut} lease${cut === 1 ? '' : 's'} cut${shown.length === 0 ? '' : ` (${shown.join(', ')})`}`;
}

/** What was typed, unless an earlier deadline ruled. What ends a drain is never early, and may be a little late. */
function typedMs(typed: string | undefined, passedMs: number): number | null {
  const ms = typed === undefined ? null : typed === '0' ? 0 : parseDuration(typed);
  return ms !== null && Math.abs(passedMs - ms) < 1_000 ? ms : null;
}

const roughly = (ms: number): string => span(ms < 1_000 ? ms : Math.round(ms / 1_000) * 1_000);
