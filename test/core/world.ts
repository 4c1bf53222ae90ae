/** The world that the core's effects act on in random sequences, and what of it outlives a supervisor. */

import type { Effect, Input, Launch } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import { exitOf, identityOf, probeResult, unmade } from '../rig/facts.js';

export const keys: readonly ReplicaKey[] = ['chat/r0', 'chat/r1', 'code/r0'];

/** Chance, as a move of a sequence has it. */
export type Luck = { readonly choice: number; readonly flag: boolean };

/** Effects that are answered. */
type Question = Extract<
  Effect,
  { type: 'verify' | 'check' | 'spawn' | 'seek' | 'adopt' | 'probe' | 'generate' | 'poll' | 'sweep' }
>;
const questions: ReadonlySet<string> = new Set([
  'verify',
  'check',
  'spawn',
  'seek',
  'adopt',
  'probe',
  'generate',
  'poll',
  'sweep',
]);
const isQuestion = (effect: Effect): effect is Question => questions.has(effect.type);

/** Which processes live, which handoff files exist, what was ever launched, and what is not answered yet. */
export class World {
  readonly live = new Map<ReplicaKey, Map<number, Launch>>(keys.map((key) => [key, new Map()]));
  readonly handoffs = new Set<ReplicaKey>();
  readonly launched = new Set<string>();
  /** Engines whose leader is dead and that have left members behind. */
  readonly leaderless = new Set<string>();
  readonly violations: string[] = [];
  open: Question[] = [];

  perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'write-handoff') this.handoffs.add(effect.launch.key);
      if (effect.type === 'remove-handoff') this.handoffs.delete(effect.key);
      if (effect.type === 'spawn') this.spawn(effect.launch);
      if (isQuestion(effect)) this.open.push(effect);
    }
  }

  /** The supervisor is gone: what it asked is answered to nobody, and the next one begins without handoff files. Engines may die meanwhile. */
  orphan({ flag, choice }: Luck): void {
    this.open = [];
    this.handoffs.clear();
    if (flag) this.live.get(keys[choice % keys.length] ?? 'chat/r0')?.clear();
  }

  /** An engine dies, alone or leaving its group behind. */
  die(key: ReplicaKey, { flag, choice }: Luck): Input | null {
    const [first] = this.live.get(key)?.entries() ?? [];
    // The shell tells a spawn, or that it has found an engine again, before it tells the exit.
    const unmet = this.open.some(
      (each) => each.type !== 'verify' && each.launch.key === key && ['spawn', 'seek', 'adopt'].includes(each.type),
    );
    if (first === undefined || unmet) return null;
    const [incarnation] = first;
    // How it ended may be found out later: then its exit is another death of the same process.
    if (choice % 4 === 0) return { type: 'died', key, incarnation };
    if (flag) this.live.get(key)?.delete(incarnation);
    else this.leaderless.add(`${key} ${incarnation}`);
    return { type: 'exited', key, incarnation, exit: exitOf({ code: flag ? 1 : 0 }), empty: flag };
  }

  /** The answer to one of the open questions, in any order, good or bad. */
  answer({ choice, flag }: Luck): Input | null {
    const [effect] = this.open.splice(choice % Math.max(1, this.open.length), 1);
    if (effect === undefined) return null;
    if (effect.type === 'verify') return looked(effect, flag);
    const { key, incarnation, check, instance } = effect.launch;
    const of = { key, incarnation };
    switch (effect.type) {
      case 'check': {
        const obstacles =
          flag || choice % 3 === 0 ? [] : [{ what: choice % 2 === 0 ? 'port' : 'program', text: 'in the way' } as const];
        return {
          type: 'checked',
          key,
          check,
          obstacles,
          startupDeadlineMs: 60_000,
          portKnownFree: true,
          modelBytes: null,
          listed: true,
        };
      }
      case 'spawn':
        if (flag || choice % 3 > 0) return { type: 'spawned', ...of, identity: identityOf(incarnation, instance) };
        this.live.get(key)?.delete(incarnation);
        return { type: 'exited', ...of, exit: unmade(choice % 2 === 0 ? 'EAGAIN' : 'ENOENT', 'cannot'), empty: true };
      case 'seek':
        if (this.lives(key, incarnation)) return { type: 'spawned', ...of, identity: identityOf(incarnation, instance) };
        // Of a launch without a leader the strays are ended before the answer is given.
        this.live.get(key)?.delete(incarnation);
        return { type: 'unspawned', ...of };
      case 'adopt': {
        if (this.lives(key, incarnation)) return { type: 'adopted', ...of };
        const empty = this.live.get(key)?.has(incarnation) !== true;
        return { type: 'exited', ...of, exit: exitOf({ code: null }), empty };
      }
      case 'probe': {
        const [verdict, listener] = [flag ? 'ok' : 'failed', choice % 7 === 0 ? 'foreign' : 'ours'] as const;
        return { type: 'probed', ...of, result: probeResult({ verdict, listener }) };
      }
      case 'generate':
        return { type: 'generated', ...of, verdict: (['ok', 'failed', 'unknown'] as const)[choice % 3] ?? 'ok', detail: 'x' };
      case 'poll':
        return choice % 9 === 0
          ? { type: 'polled', ...of, inflight: null, canTell: choice % 2 === 0, counters: null }
          : { type: 'polled', ...of, inflight: flag ? 0 : 2, canTell: true, counters: null };
      case 'sweep':
        if (flag) this.live.get(key)?.delete(incarnation);
        return { type: 'swept', ...of, left: this.live.get(key)?.has(incarnation) ? [incarnation] : [] };
    }
  }

  private lives(key: ReplicaKey, incarnation: number): boolean {
    return this.live.get(key)?.has(incarnation) === true && !this.leaderless.has(`${key} ${incarnation}`);
  }

  private spawn(launch: Launch): void {
    const id = `${launch.key} ${launch.incarnation}`;
    if (this.launched.has(id)) this.violations.push(`incarnation launched twice: ${id}`);
    this.launched.add(id);
    const taken = [...this.live.values()].flatMap((engines) => [...engines.values()]).find(({ port }) => port === launch.port);
    if (taken !== undefined) this.violations.push(`two engines on port ${launch.port}: ${id} and ${taken.key}`);
    const living = this.live.get(launch.key);
    if (living === undefined) return;
    if (living.size > 0) this.violations.push(`a second engine beside a living one: ${id}`);
    living.set(launch.incarnation, launch);
  }
}

function looked({ poolId, operationId }: Extract<Effect, { type: 'verify' }>, sound: boolean): Input {
  const obstacles = sound ? [] : [{ what: 'model', text: 'there is no such model' } as const];
  const found = { obstacles, name: null, about: null, modelBytes: null, hostTotalBytes: null };
  return { type: 'verified', poolId, operationId, ...found };
}
