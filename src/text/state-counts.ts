/** How many replicas are in which state, for one line. */

/** Best first, as a pool is as good as its best replica. */
const bestFirst = [
  'ready',
  'unhealthy',
  'starting',
  'preparing',
  'draining',
  'stopping',
  'backoff',
  'broken',
  'stuck',
  'failed',
  'stopped',
] as const;

/** The states that there are, each with how many replicas are in it. */
export function countStates(
  replicas: readonly { readonly state: string }[],
): readonly { readonly state: (typeof bestFirst)[number]; readonly count: number }[] {
  return bestFirst
    .map((state) => ({ state, count: replicas.filter((replica) => replica.state === state).length }))
    .filter(({ count }) => count > 0);
}

/** "2 ready, 1 starting", the best first; without replicas "no replicas". */
export function stateCounts(replicas: readonly { readonly state: string }[]): string {
  const counts = countStates(replicas).map(({ state, count }) => `${count} ${state}`);
  return counts.length === 0 ? 'no replicas' : counts.join(', ');
}
