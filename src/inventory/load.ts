/** Text of a pools.yaml -> the inventory, or all that is wrong with it at once. Pure. */

import type { Inventory } from '../core/model.js';
import { checkConflicts } from './checks/conflicts.js';
import { checkEngines } from './checks/engine.js';
import { checkMasks } from './checks/masks.js';
import { checkEffects } from './checks/no-effect.js';
import { checkPorts } from './checks/ports.js';
import { checkSplits } from './checks/split.js';
import { checkListen } from './checks/supervisor.js';
import { checkPlaceholders, checkUsers, checkVariables } from './checks/texts.js';
import { type Check, draftOf, type Surroundings } from './draft.js';
import { findings } from './issues.js';
import { normalize } from './normalize.js';
import { parseYaml } from './parse.js';
import { inOrder, type Problem, problemAt, problemOfFile } from './problem.js';
import { inventorySchema } from './schema.js';
import { secretRanges, unreadableSecrets } from './secrets.js';
import { cover, type Source, sourceOf } from './source.js';
import { type Path, type Tree, toPlain } from './tree.js';

export type Wanted = Surroundings & {
  /** As the user named it, for messages. */
  readonly shownFile: string;
  /** Absolute. */
  readonly file: string;
  readonly text: string;
};

/** `inventory` is null where a problem is an error; warnings leave it whole. */
export type Loaded = { readonly inventory: Inventory | null; readonly problems: readonly Problem[] };

/** More than any inventory needs, and little enough to be read in a moment. */
const maxBytes = 4 * 1024 * 1024;

const checks: readonly Check[] = [
  checkEngines,
  checkMasks,
  checkConflicts,
  checkPorts,
  checkSplits,
  checkListen,
  checkPlaceholders,
  checkVariables,
  checkUsers,
  checkEffects,
];

export function loadInventory(wanted: Wanted): Loaded {
  const { shownFile, text } = wanted;
  if (text.length > maxBytes)
    return wrong([problemOfFile(shownFile, 'cannot read the inventory: it is larger than 4 MiB', null)]);
  if (text.trim() === '')
    return wrong([
      problemOfFile(shownFile, 'cannot read the inventory: the file is empty', 'begin with "version: 1" and "pools:"'),
    ]);
  const { tree, faults } = parseYaml(text);
  const bare = sourceOf(shownFile, text);
  const source = cover(bare, tree === null ? unreadableSecrets(text) : secretRanges(tree));
  if (faults.length > 0) return wrong(faults.map(({ range, ...complaint }) => problemAt(source, range, complaint)));
  if (tree === null) return wrong([problemOfFile(shownFile, 'cannot read the inventory: there is nothing in it', null)]);
  return judge(source, tree, wanted);
}

/** What the schema refuses is left out, so that the rest is checked too, and all is told at once. */
function judge(source: Source, tree: Tree, wanted: Wanted): Loaded {
  const secrets = new Set(secretRanges(tree).map(({ start }) => start));
  const plain = toPlain(tree);
  const first = inventorySchema.safeParse(plain);
  const found = first.success ? [] : findings(first.error.issues, { root: tree, isSecret: (start) => secrets.has(start) });
  const problems = found.map(({ range, prune: _, spoilt: __, ...complaint }) => problemAt(source, range, complaint));
  for (const { prune } of [...found].reverse()) if (prune !== null) remove(plain, prune);
  const rest = first.success ? first : inventorySchema.safeParse(plain);
  if (!rest.success) return wrong(problems);
  const draft = draftOf(
    source,
    tree,
    rest.data,
    found.flatMap(({ spoilt }) => spoilt),
  );
  const all = inOrder([...problems, ...checks.flatMap((check) => check(draft, wanted))]);
  if (all.some(({ severity }) => severity === 'error')) return wrong(all);
  return { inventory: normalize(draft, wanted.file, wanted), problems: all };
}

function wrong(problems: readonly Problem[]): Loaded {
  return { inventory: null, problems: inOrder(problems) };
}

function remove(plain: unknown, path: Path): void {
  const last = path.at(-1);
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((here, step) => (here as Record<string, unknown> | undefined)?.[String(step)], plain);
  if (last !== undefined && typeof parent === 'object' && parent !== null && !Array.isArray(parent))
    delete (parent as Record<string, unknown>)[String(last)];
}
