/**
 * A time limit that knows when it could not be kept. Timers run before waiting answers after a stall, and the monotonic clock stands still while the
 * machine sleeps: what was missed over either says nothing of who was asked.
 */

/** The wall clock runs on while the machine sleeps, the monotonic one does not. Both in milliseconds. */
export type ProbeClock = { readonly now: () => number; readonly wallMs: () => number };

export type TimeLimit = {
  /** To be called when the wait is over, by whatever. Answers why it cannot be judged; null when it can. */
  end(): string | null;
};

/** Calls `over` after `timeoutMs`, unless `end` is called before. */
export function timeLimit(timeoutMs: number, clock: ProbeClock, over: () => void): TimeLimit {
  const began = { at: clock.now(), wallMs: clock.wallMs() };
  let lookedAt = began.at;
  let leftMs = timeoutMs;
  let hung = false;
  let timer = next();

  return {
    end() {
      clearTimeout(timer);
      look();
      const tookMs = lookedAt - began.at;
      if (Math.abs(clock.wallMs() - began.wallMs - tookMs) > sleepMs) return 'the machine slept';
      return hung ? 'poolctl itself was held up' : null;
    },
  };

  /** In steps, since a loop that hung in the middle is back in time for the end. A short wait has no more than one. */
  function next(): NodeJS.Timeout {
    const stepMs = Math.min(leftMs, longestStepMs);
    return setTimeout(() => {
      look();
      leftMs -= stepMs;
      if (leftMs <= 0) over();
      else timer = next();
    }, stepMs);
  }

  function look(): void {
    const now = clock.now();
    hung ||= now - lookedAt > stallMs;
    lookedAt = now;
  }
}

const longestStepMs = 250;
const stallMs = 1000;
const sleepMs = 5000;
