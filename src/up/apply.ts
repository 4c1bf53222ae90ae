/** Reads the inventory anew and puts it to work: what `poolctl apply`, SIGHUP and the API ask for. */

import type { ApplyView, ProblemView } from '../api/wire.js';
import { type Change, type Planned, planApply, supervisorChanges } from '../core/apply.js';
import type { Event } from '../core/events.js';
import { changesLive } from '../core/live-update.js';
import type { Inventory, PoolSpec } from '../core/model.js';
import { shownReference } from '../core/reference.js';
import type { State } from '../core/state.js';
import { hasFlag } from '../engines/flags.js';
import { changeText } from '../inventory/changes.js';
import type { Examination } from '../inventory/report.js';
import { span } from '../text/time.js';

/** What the new inventory comes to: refused with all that is wrong with it, or a plan. */
export type Reread =
  | { readonly ok: false; readonly problems: readonly ProblemView[]; readonly first: string }
  | { readonly ok: true; readonly inventory: Inventory; readonly view: ApplyView };

export function rereadInto({ inventory, problems, file, where }: Examination, state: State): Reread {
  if (inventory === null) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
    const place = first?.line == null ? file : `${file}:${first.line}:${first.column}`;
    return {
      ok: false,
      problems: problems.map(({ excerpt: _, ...reported }) => reported),
      first: `${place}: ${first?.message ?? 'it cannot be read'}${more}`,
    };
  }
  const plan = planApply(state, inventory);
  const supervisor = supervisorChanges(state.inventory.supervisor, inventory.supervisor);
  const notes = notesOf(supervisor);
  return {
    ok: true,
    inventory,
    view: {
      changed: supervisor.now.length > 0 || plan.some(({ action }) => action !== 'keep'),
      plan: plan.map((each) => ({ pool_id: each.poolId, action: each.action, reasons: reasonsOf(each, state, where) })),
      ...(notes.length === 0 ? {} : { notes }),
    },
  };
}

function reasonsOf(
  { poolId, action, changes, to, override }: Planned,
  { pools }: State,
  where: Examination['where'],
): readonly string[] {
  const standing =
    override === null
      ? []
      : [
          `runs ${shownReference(override.chosen.model ?? '')} by a reload; the file names ${shownReference(override.file.model ?? '')}`,
        ];
  if (action === 'start') return ['new in the file'];
  if (action === 'stop') {
    const deadlineMs = pools.get(poolId)?.spec.drain.deadlineMs ?? 0;
    return [`not in the file any more; drained first, up to ${span(deadlineMs)}`];
  }
  const restart = changes.filter(({ key }) => !changesLive(key));
  const live = changes.filter(({ key }) => changesLive(key));
  const text = (change: Change): string => changeText(change, where?.(poolId, change.key) ?? null);
  return [
    ...restart.map(text),
    ...live.map((change) => `${text(change)}${action === 'live-update' ? laterOf(change, to) : ''}`),
    ...standing,
  ];
}

/** What changes live and is not all of it. */
function laterOf({ key }: Change, to: PoolSpec | null): string {
  if (key === 'autostart') return ', at the next poolctl up';
  const told = to !== null && to.slots !== 'auto' && isToldSlots(to);
  return key === 'slots' && told ? ', and its engines are told at their next start' : '';
}

/** Engines that are given their slots on the command line, unless its own arguments do so. */
function isToldSlots({ engine, args }: PoolSpec): boolean {
  return (engine === 'llamacpp' || engine === 'demo') && !hasFlag(args, '--parallel', '-np', '--slots');
}

function notesOf({ now, later }: ReturnType<typeof supervisorChanges>): readonly string[] {
  return [
    ...now.map((key) => `supervisor.${key} has changed, and counts from now on`),
    ...later.map((key) => `supervisor.${key} has changed, and takes effect at the next poolctl up`),
  ];
}

/** The file stays as it was read before. */
export function rejected(reason: string, correlationId: string | null): Event {
  const cause = correlationId === null ? {} : { correlation_id: correlationId };
  return { event: 'inventory.rejected', level: 'error', reason, ...cause };
}
