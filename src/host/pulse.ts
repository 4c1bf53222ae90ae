/** What has to be looked at every few seconds, all in one turn: waking an idle process takes more than what it then does. */

/** Calls `look` at each beat, until what it answers is called. */
export type Pulse = (look: () => void) => () => void;

/** Beats every `ms`, from the first who wants it on, as long as anybody does. Keeps no process alive. */
export function makePulse(ms: number): Pulse {
  const looks = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  return (look) => {
    looks.add(look);
    timer ??= setInterval(() => {
      for (const each of looks) each();
    }, ms).unref();
    return () => {
      looks.delete(look);
      if (looks.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  };
}
