/** What random sequences see of drains: whom they refuse, what they wait for, and that they end. */

import type { Answer } from '../../src/core/answers.js';
import { countOf } from '../../src/core/lease.js';
import type { Input } from '../../src/core/messages.js';
import { poolIdOf, type ReplicaKey } from '../../src/core/model.js';
import type { Replica } from '../../src/core/replica.js';
import type { State } from '../../src/core/state.js';
import { poolSpec } from '../rig/specs.js';

type Seen = { readonly before: State; readonly after: State; readonly answer: Answer | null };

const { deadlineMs: longestMs } = poolSpec('chat', 1).drain;
const freshMs = 1_200;

const replicasOf = ({ pools }: State): readonly Replica[] => [...pools.values()].flatMap(({ replicas }) => replicas);
const find = ({ pools }: State, key: ReplicaKey) => pools.get(poolIdOf(key))?.replicas.find((replica) => replica.key === key);

export class Drains {
  /** By when each is to be over. */
  private readonly due = new Map<ReplicaKey, number>();
  /** What engines said last, and when. */
  private readonly told = new Map<string, { readonly inflight: number | null; readonly canTell: boolean; readonly at: number }>();

  /** Engines that their own logs condemn: they may have less time than was asked for. */
  private readonly condemned = new Set<string>();

  /** Its supervisor is dead: the next one has asked nobody yet. When they are to be over outlives it. */
  succeed(): void {
    this.told.clear();
  }

  /** What is wrong after a step. */
  broken(input: Input, seen: Seen, now: number): readonly string[] {
    if (input.type === 'alarmed' && input.alarm.kind === 'sticky') this.condemned.add(`${input.key} ${input.incarnation}`);
    if (input.type === 'polled') this.told.set(`${input.key} ${input.incarnation}`, { ...input, at: now });
    return [
      ...this.misled(input, seen, now),
      ...replicasOf(seen.after).flatMap((replica) => this.wrong(replica, input, seen, now)),
    ];
  }

  private misled(input: Input, { before, after, answer }: Seen, now: number): readonly string[] {
    if (answer?.ok !== true) return [];
    if (input.type === 'lease-requested' && 'lease' in answer && answer.lease !== null) {
      const { key } = answer.lease;
      // The turn of who was ready may come at that very instant: it is drained with the lease that it has.
      const [was, is] = [find(before, key)?.life.state, find(after, key)?.life.state];
      return is === 'ready' || (was === 'ready' && is === 'draining') ? [] : [`a lease of ${key} is granted, which is ${is}`];
    }
    if (input.type !== 'requested' || input.verb !== 'drain') return [];
    return replicasOf(after).flatMap(({ key, id, life }) => {
      if (!key.startsWith(`${input.poolId}/`) || (input.replicaId !== null && input.replicaId !== id)) return [];
      const at = now + (input.deadlineMs ?? longestMs);
      this.due.set(key, input.extend === true ? at : Math.min(this.due.get(key) ?? at, at));
      return life.state === 'ready' ? [`${key} is to be drained, and is ready`] : [];
    });
  }

  private wrong({ key, life }: Replica, input: Input, { before, after }: Seen, now: number): readonly string[] {
    const was = find(before, key);
    if (life.state === 'draining') {
      const asked = after.pools.get(key.slice(0, key.indexOf('/')))?.reload?.drainMs;
      const due = this.due.get(key) ?? now + (asked ?? longestMs);
      this.due.set(key, due);
      return now > due && input.type === 'woke' ? [`the drain of ${key} was to be over ${now - due} ms ago`] : [];
    }
    // Written down as draining, and not met yet; unless that was called off since.
    if (life.state === 'starting' && life.resumed?.drainBy != null) return [];
    const due = this.due.get(key) ?? Number.NEGATIVE_INFINITY;
    this.due.delete(key);
    if (was?.life.state !== 'draining' || life.state !== 'stopping' || life.intent.kind !== 'drained' || now >= due) return [];
    const held =
      countOf(before.leases, key) > countOf(after.leases, key) && input.type !== 'lease-released' && input.type !== 'woke';
    if (held) return [`the drain of ${key} cuts a lease before its deadline`];
    const engine = `${key} ${was.incarnation}`;
    const told = this.told.get(engine);
    if (this.condemned.has(engine)) return [];
    const over = told !== undefined && (!told.canTell || (told.inflight === 0 && now - told.at <= freshMs));
    return over
      ? []
      : [`the drain of ${key} ends before its deadline, and its engine has ${told?.inflight ?? 'said nothing of its'} requests`];
  }
}
