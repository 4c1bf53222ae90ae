/** Which cells of the core's table a run has come to. The bundle has a hook for it, see test/sim/bundle.mjs. */

/** By "state fact": how often. A cell that is not to be reached does nothing: `ignore`. */
export type Cells = { readonly reached: Map<string, number>; readonly table: ReadonlyMap<string, 'acts' | 'ignores'> };

type Hooks = {
  /** Called at each turn. */
  poolctlTurn?: (state: string, fact: string) => void;
  readonly poolctlRows?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** From now on; a later call takes over. */
export function watchCells(): Cells {
  const hooks = globalThis as Hooks;
  const reached = new Map<string, number>();
  const table = new Map<string, 'acts' | 'ignores'>();
  for (const [state, row] of Object.entries(hooks.poolctlRows ?? {}))
    for (const [fact, cell] of Object.entries(row)) table.set(`${state} ${fact}`, cell === 'ignore' ? 'ignores' : 'acts');
  hooks.poolctlTurn = (state, fact) => {
    const cell = `${state} ${fact}`;
    reached.set(cell, (reached.get(cell) ?? 0) + 1);
  };
  return { reached, table };
}
