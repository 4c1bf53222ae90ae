/** The text of a pools.yaml -> an inventory, and everything that is wrong with it. Pure: reads no file and asks nobody. */

import type * as z from 'zod/mini';
import type { Inventory } from '../core/model.js';
import type { Fault } from './build.js';
import { checkConflicts } from './checks/conflicts.js';
import { checkEngines } from './checks/engine.js';
import { checkMasks } from './checks/masks.js';
import { checkPolicies } from './checks/policies.js';
import { checkPorts } from './checks/ports.js';
import { checkSplits } from './checks/split.js';
import { checkListen } from './checks/supervisor.js';
import { checkPlaceholders, checkUsers, checkVariables } from './checks/texts.js';
import { type Check, draftOf, type Surroundings } from './draft.js';
import { type Finding, findings } from './issues.js';
import { normalize } from './normalize.js';
import { parseYaml } from './parse.js';
import { emptyFile, inOrder, type Problem, problemAt, problemOfFile } from './problem.js';
import { type InventoryInput, inventorySchema } from './schema.js';
import { coverSecrets } from './shown.js';
import { positionOf, type Source } from './source.js';
import { type Path, type Tree, toPlain } from './tree.js';

export type InventoryFile = {
  /** Absolute. */
  readonly path: string;
  /** As the user named it; stands in every problem. */
  readonly shown: string;
  readonly text: string;
};

/** `inventory` is null when one of the problems is an error. Problems are sorted by position. */
export type Loaded = {
  readonly inventory: Inventory | null;
  readonly problems: readonly Problem[];
  /** `pools.yaml:14:11`: where the value of a pool's key ("drain.deadline") stands that counts; the pool's own key where it is built in. */
  readonly where?: (poolId: string, key: string) => string | null;
};

/** An inventory of a megabyte has thousands of pools; what is bigger is another file. */
export const maxFileBytes = 1024 * 1024;

const checks: readonly Check[] = [
  checkEngines,
  checkMasks,
  checkConflicts,
  checkPorts,
  checkSplits,
  checkPlaceholders,
  checkVariables,
  checkUsers,
  checkPolicies,
  checkListen,
];

export function loadInventory({ path, shown, text }: InventoryFile, surroundings: Surroundings): Loaded {
  if (text.length > maxFileBytes) {
    return { inventory: null, problems: [problemOfFile(shown, 'cannot read the inventory: it has more than 1 MiB', null)] };
  }
  const { tree, faults } = parseYaml(text);
  if (tree === null && faults.length === 0) {
    return { inventory: null, problems: [emptyFile(shown)] };
  }
  const isUnreadable = tree === null || faults.some(({ code }) => code === 'YAML_SYNTAX');
  const { source, secrets } = coverSecrets(shown, text, { tree, isUnreadable });
  const inYaml = faults.map((fault) => faultProblem(source, fault));
  if (isUnreadable) return { inventory: null, problems: inOrder(inYaml) };

  const secretStarts = new Set(secrets.map(({ start }) => start));
  const { input, found } = fitToSchema(tree, (start) => secretStarts.has(start));
  const inSchema = found.map((finding) => problemAt(source, finding.range, finding));
  if (input === null) return { inventory: null, problems: inOrder([...inYaml, ...inSchema]) };

  const draft = draftOf(
    source,
    tree,
    input,
    found.flatMap(({ spoilt }) => spoilt),
  );
  const problems = inOrder([...inYaml, ...inSchema, ...checks.flatMap((check) => check(draft, surroundings))]);
  const isValid = problems.every(({ severity }) => severity === 'warning');
  const where = (poolId: string, key: string): string | null => {
    const place = draft.pools.find(({ id }) => id === poolId)?.place(key.split('.'));
    if (place === undefined) return null;
    const { line, column } = positionOf(source, place.range.start);
    return `${shown}:${line}:${column}`;
  };
  return { inventory: isValid ? normalize(path, draft, surroundings) : null, problems, where };
}

function faultProblem(source: Source, { range, code, message, hint, other }: Fault): Problem {
  if (other === undefined) return problemAt(source, range, { code, message, hint });
  const { line, column } = positionOf(source, other.start);
  return problemAt(source, range, {
    code,
    message,
    hint: `also at ${source.file}:${line}:${column}${hint === null ? '' : `; ${hint}`}`,
  });
}

type Fitted = { readonly input: InventoryInput | null; readonly found: readonly Finding[] };

/**
 * What the schema has to say, and what is left of the file when that is taken out, so that the other checks can go on. A pruned key can
 * leave its map without one that it needs, hence the rounds; each takes something out.
 */
function fitToSchema(tree: Tree, isSecret: (start: number) => boolean): Fitted {
  const plain = toPlain(tree);
  const first = inventorySchema.safeParse(plain);
  if (first.success) return { input: first.data, found: [] };
  const found = findings(first.error.issues, { root: tree, isSecret });
  if (tree.kind !== 'map') return { input: null, found };
  let rest: z.core.util.SafeParseResult<InventoryInput> = first;
  let more = found;
  for (let round = 0; round < 4 && !rest.success; round += 1) {
    for (const { prune } of more) if (prune !== null) remove(plain, prune);
    rest = inventorySchema.safeParse({ pools: {}, ...(plain as object), version: 1 });
    if (!rest.success) more = findings(rest.error.issues, { root: tree, isSecret });
  }
  return { input: rest.success ? rest.data : null, found };
}

function remove(plain: unknown, path: Path): void {
  let here: unknown = plain;
  for (const step of path.slice(0, -1)) here = isRecord(here) ? here[String(step)] : undefined;
  if (isRecord(here)) delete here[String(path.at(-1))];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
