/** Keys that are read and checked, and change nothing yet. Whoever sets one is told. */

import { type Check, problem } from '../draft.js';
import type { Problem } from '../problem.js';
import { find, type Path, pathText } from '../tree.js';

/** Take a line out when the key begins to work. */
export const withoutEffect: { readonly supervisor: readonly Path[]; readonly pool: readonly Path[] } = {
  supervisor: [],
  pool: [],
};

export const checkEffects: Check = (draft) => {
  const told = (section: Path, keys: readonly Path[]): readonly Problem[] =>
    keys.flatMap((key) => {
      const path = [...section, ...key];
      const found = find(draft.root, path);
      if (found?.key == null) return [];
      const complaint = { code: 'NO_EFFECT', severity: 'warning', message: `${pathText(path)} has no effect yet` } as const;
      return [problem(draft, { range: found.key, name: pathText(path) }, complaint)];
    });
  return [
    ...told(['supervisor'], withoutEffect.supervisor),
    ...draft.sections.flatMap(({ path }) => told(path, withoutEffect.pool)),
  ];
};
