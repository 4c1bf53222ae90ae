/** How many replicas are in which state, for one line. */

const order = [
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

/** "2 ready, 1 starting", the best first; without replicas "no replicas". */
export function stateCounts(replicas: readonly { readonly state: string }[]): string {
  const counts = new Map<string, number>();
  for (const { state } of replicas) counts.set(state, (counts.get(state) ?? 0) + 1);
  const known = order.filter((state) => counts.has(state)).map((state) => `${counts.get(state)} ${state}`);
  return known.length === 0 ? 'no replicas' : known.join(', ');
}
