/** Reads the inventory anew and puts it to work: what `poolctl apply`, SIGHUP and the API ask for. */

import type { ApplyView, ProblemView } from '../api/wire.js';
import { type Planned, planApply } from '../core/apply.js';
import type { Event } from '../core/events.js';
import type { Inventory, SupervisorSpec } from '../core/model.js';
import { shownReference } from '../core/reference.js';
import type { State } from '../core/state.js';
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
  const notes = notesOn(state.inventory.supervisor, inventory.supervisor);
  return {
    ok: true,
    inventory,
    view: {
      changed: plan.some(({ action }) => action !== 'keep'),
      plan: plan.map((each) => ({ pool_id: each.poolId, action: each.action, reasons: reasonsOf(each, state, where) })),
      ...(notes.length === 0 ? {} : { notes }),
    },
  };
}

function reasonsOf(
  { poolId, action, changes, override }: Planned,
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
  return [...changes.map((change) => changeText(change, where?.(poolId, change.key) ?? null)), ...standing];
}

/** Keys that are read once, at the start. */
const fixed: readonly (keyof SupervisorSpec)[] = ['listen', 'tokenFile', 'ports', 'adopt', 'log', 'events'];

function notesOn(before: SupervisorSpec, after: SupervisorSpec): readonly string[] {
  const changed = fixed.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return changed.map((key) => `supervisor.${key === 'tokenFile' ? 'token_file' : key} takes effect at the next poolctl up`);
}

/** The file stays as it was read before. */
export function rejected(reason: string): Event {
  return { event: 'inventory.rejected', level: 'error', reason };
}
