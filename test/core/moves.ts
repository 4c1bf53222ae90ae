/** A shell for the core that answers everything by itself: engines come, serve and go as their model lets them, while time passes. */

import { nextAt } from '../../src/core/due.js';
import type { Effect } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import { exitOf, probeResult } from '../rig/facts.js';
import type { Bench } from './bench.js';

/** How an engine of a model behaves, on one replica or on all. */
export type Manner = 'well' | 'crashes at once' | 'loads for ever' | 'is obstructed' | 'hangs beyond death';

export type Manners = (model: string | null, key: ReplicaKey) => Manner;

/** Goes on until nothing is due before `untilMs` from now, or `stop` says so. */
export function play(bench: Bench, manners: Manners, untilMs = 3_600_000, stop: (bench: Bench) => boolean = () => false): Bench {
  const end = bench.now + untilMs;
  const open: Effect[] = [...bench.effects];
  // Questions of earlier steps that nobody has answered.
  if (bench.state.devices.lookOut) open.push({ type: 'observe' });
  for (const { replicas } of bench.state.pools.values())
    for (const { key, life } of replicas) if ('polling' in life && life.polling.out) open.push(...bench.polled(0, key).effects);
  for (let n = 0; n < 20_000 && !stop(bench); n += 1) {
    const effect = open.shift();
    if (effect !== undefined) {
      if (perform(bench, effect, manners)) open.push(...bench.effects);
      continue;
    }
    const at = nextAt(bench.state);
    if (at === null || at > end) break;
    bench.now = Math.max(bench.now, at);
    open.push(...bench.give({ type: 'woke' }).effects);
  }
  return bench;
}

/** False where nothing is answered. */
function perform(bench: Bench, effect: Effect, manners: Manners): boolean {
  if (effect.type === 'observe') {
    const { devices } = bench.state.devices;
    bench.now += 1;
    const observation = { devices, tool: 'working', note: null, processes: null, askedAt: bench.now } as const;
    bench.give({ type: 'devices-observed', observation });
    return true;
  }
  if (!('launch' in effect)) return false;
  const { key, incarnation, check, spec } = effect.launch;
  const of = { key, incarnation };
  const manner = manners(spec.model, key);
  switch (effect.type) {
    case 'check': {
      const obstacles = manner === 'is obstructed' ? [{ what: 'memory', text: 'too little memory is free' } as const] : [];
      const facts = { startupDeadlineMs: 60_000, portKnownFree: true, modelBytes: null, listed: true };
      bench.give({ type: 'checked', key, check, obstacles, ...facts });
      return true;
    }
    case 'spawn':
      bench.now += 1;
      bench.spawned(1_000 + incarnation, key);
      return true;
    case 'probe': {
      bench.now += 1;
      if (manner === 'crashes at once') bench.exited(exitOf(), true, key);
      else if (manner === 'loads for ever' || manner === 'hangs beyond death')
        bench.probed(probeResult({ verdict: 'loading', detail: 'HTTP 503' }), key);
      else bench.probed(probeResult(), key);
      return true;
    }
    case 'poll':
      bench.give({ type: 'polled', ...of, inflight: 0, canTell: true, counters: null });
      return true;
    case 'signal':
      if (manner === 'hangs beyond death') return false;
      bench.give({ type: 'exited', ...of, exit: exitOf({ code: 0 }), empty: true });
      return true;
    case 'sweep':
      bench.give({ type: 'swept', ...of, left: manner === 'hangs beyond death' && effect.mode !== 'strays' ? [1] : [] });
      return true;
    default:
      return false;
  }
}
