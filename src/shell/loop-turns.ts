/** Work that blocks for milliseconds each, asked for by hundreds at once: the loop's other business (clients of the API, probes) gets its turns between. */

/** So long may such work keep the loop in one of its turns; the last of it may take longer. */
const budgetMs = 10;

/** Does the work in this turn of the event loop, or in one of the next, behind all that came before. Rejects with what the work throws. */
export type InTurn = <T>(work: () => T) => Promise<T>;

/** @param now milliseconds */
export function loopTurns(now = (): number => performance.now()): InTurn {
  const waiting: (() => void)[] = [];
  let begunAt: number | null = null;
  let working = false;

  /** What somebody's work has led to in this turn is done before the next one's, and counts. */
  const goOn = (): void => {
    working = waiting.length > 0 && isTime();
    if (!working) return;
    waiting.shift()?.();
    queueMicrotask(goOn);
  };
  const isTime = (): boolean => {
    if (begunAt === null) {
      begunAt = now();
      setImmediate(() => {
        begunAt = null;
        goOn();
      });
    }
    return now() - begunAt < budgetMs;
  };
  return (work) =>
    new Promise((resolve, reject) => {
      waiting.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      if (!working) goOn();
    });
}
