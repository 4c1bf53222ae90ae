/** What a virtual engine answers: to a health check, and to a request for one token. */

import type { ProbeResult, Work } from '../../src/core/facts.js';
import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { ProbeWish } from '../../src/shell/perform.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';
import type { Random } from './random.js';

/** An answer takes time, and is as the engine is at its end. */
type Asked<T> = { readonly ms: number; readonly look: () => T };

const silence = {
  listener: 'unproved',
  holder: null,
  progress: null,
  work: null,
  dead: false,
  description: null,
  tookMs: 1,
} as const;

/** The supervisor stalled, or the machine slept, while it was out. */
export const unfinished: ProbeResult = { verdict: 'unknown', detail: 'could not be judged', ...silence };

/** What an engine has that was launched with this entry, whatever the file says by now. */
export const slotsOf = ({ slots }: PoolSpec): number => (slots === 'auto' ? 4 : slots);

export function probe(
  process: Process | null,
  launch: Launch,
  wish: ProbeWish,
  machine: Machine,
  random: Random,
): Asked<ProbeResult> {
  const { timeoutMs } = launch.spec.health;
  const mute = process?.spell === 'silent' || process?.spell === 'busy';
  return {
    ms: mute ? timeoutMs : random.between(0.5, 5),
    look: () => {
      const miss = (detail: string, more: Partial<ProbeResult> = {}): ProbeResult => ({
        verdict: 'failed',
        detail,
        ...silence,
        progress: process?.fate.progresses === true ? machine.now : 0,
        work: wish.work && process !== null ? workOf(process, machine.now) : null,
        ...more,
      });
      if (process === null || !process.alive) return miss('connection refused');
      if (machine.strangers.has(launch.port)) return foreign();
      if (process.loadedAt === null) return miss('HTTP 503', { verdict: 'loading' });
      if (mute) return miss(`no answer in ${timeoutMs} ms`);
      if (process.spell === 'failing') return miss('HTTP 500');
      if (process.spell === 'refusing') return miss('connection refused', { dead: true });
      if (process.spell === 'lying' && wish.prove) return foreign();
      const listener = !wish.prove ? 'unproved' : random.chance(0.02) ? 'unknown' : 'ours';
      const description = {
        engineVersion: `1.${launch.incarnation % 3}`,
        slotsTotal: slotsOf(process.launch.spec),
        ctxMax: 4096,
      };
      return { verdict: 'ok', detail: 'HTTP 200', ...silence, listener, description: wish.describe ? description : null };
    },
  };
}

export function token(
  process: Process | null,
  timeoutMs: number,
  random: Random,
): Asked<{ readonly verdict: 'ok' | 'failed' | 'unknown'; readonly detail: string }> {
  const spell = process?.spell ?? null;
  const mute = spell === 'silent' || spell === 'failing';
  const unknown = random.chance(0.02);
  return {
    ms: mute ? timeoutMs : random.between(20, 900),
    look: () => {
      if (unknown) return { verdict: 'unknown', detail: 'HTTP 429' };
      if (process?.alive !== true || spell === 'refusing') return { verdict: 'failed', detail: 'connection refused' };
      return mute ? { verdict: 'failed', detail: 'no token' } : { verdict: 'ok', detail: 'one token' };
    },
  };
}

const foreign = (): ProbeResult => ({
  verdict: 'ok',
  detail: 'HTTP 200',
  ...silence,
  listener: 'foreign',
  holder: 'pid 812 (python3)',
});

/** A busy engine's counters move, whatever its health check says. */
function workOf({ spell, bornAt }: Process, now: number): Work {
  const moved = spell === 'busy' ? now - bornAt : 0;
  return { decoded: moved, inflight: moved > 0 ? 2 : 0, cpuTicks: moved };
}
