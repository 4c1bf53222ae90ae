/**
 * One run answers everybody who asked before it began. Whoever asks while it runs is answered by the next one, since a run that has begun
 * may already have passed what they want to know. Runs never overlap.
 */
export function fresh<T>(run: () => Promise<T>): () => Promise<T> {
  let next: Promise<T> | null = null;
  let last: Promise<unknown> = Promise.resolve();

  return function ask(): Promise<T> {
    if (next !== null) return next;
    const asked = last.then(endOfTurn).then(() => {
      next = null;
      return run();
    });
    next = asked;
    last = asked.catch(() => undefined);
    return asked;
  };
}

/** Lets everybody in this turn of the event loop ask first. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
