/** Which wishes of operators have a say in drains: the one that is being answered, and restarts that are under way. */

import type { Input, Verb } from '../../src/core/messages.js';
import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';
import { keysOf } from './keys.js';

type Request = Extract<Input, { type: 'requested' | 'shutdown-requested' }>;
type Restart = { readonly keys: readonly ReplicaKey[]; readonly now: boolean; readonly ms: number | null };

/** What a wish asks of a drain; `ms` null: what the inventory says. */
export type DrainWish = {
  readonly ms: number | null;
  readonly extend: boolean;
  readonly why: 'drain' | 'restart' | 'shutdown' | 'reload' | 'rollback' | 'retire';
  /** A restart comes to all but the first only later. */
  readonly atOnce: boolean;
};

export const isRequest = (input: Input): input is Request => input.type === 'requested' || input.type === 'shutdown-requested';

export class Asked {
  /** Whom the request that is being answered is for. */
  targets: readonly ReplicaKey[] = [];
  private request: Request | null = null;
  private readonly restarts = new Map<string, Restart>();
  /** Operations that ended within the request that is being answered. */
  private readonly over = new Set<string>();

  asking(request: Request, specs: ReadonlyMap<string, PoolSpec>): void {
    this.request = request;
    this.over.clear();
    if (request.type === 'requested') {
      const { poolId, replicaId } = request;
      const spec = specs.get(poolId);
      const keys = spec === undefined ? [] : keysOf(spec);
      this.targets = replicaId === null ? keys : keys.filter((key) => key === `${poolId}/${replicaId}`);
    } else {
      const leaves = ({ isolate }: PoolSpec): boolean => request.keep === true && !isolate.dieWithSupervisor;
      this.targets = [...specs.values()].flatMap((spec) => (leaves(spec) ? [] : keysOf(spec)));
    }
  }

  /** It is answered; `operationId` is null where it was refused. */
  answered(operationId: string | null): void {
    const { request, targets: keys } = this;
    if (operationId !== null && !this.over.has(operationId) && request?.type === 'requested' && request.verb === 'restart')
      this.restarts.set(operationId, { keys, now: request.now === true, ms: request.deadlineMs ?? null });
    this.request = null;
    this.targets = [];
  }

  finished(operationId: string): void {
    this.restarts.delete(operationId);
    this.over.add(operationId);
  }

  isRestarting(key: ReplicaKey): boolean {
    return this.restartOf(key) !== undefined;
  }

  /** The request that is being answered drains all that it is for, now. */
  get drainsNow(): boolean {
    const { request } = this;
    return request?.type === 'requested' ? request.verb === 'drain' : request?.rung === 'drain';
  }

  /** By the request that is being answered; null: it does not touch that. */
  wishFor(key: ReplicaKey): DrainWish | null {
    const { request } = this;
    if (request === null || !this.targets.includes(key)) return null;
    const [ms, atOnce] = [request.deadlineMs ?? null, true];
    if (request.type === 'shutdown-requested')
      return request.rung === 'drain' ? { ms, extend: false, why: 'shutdown', atOnce } : null;
    if (request.verb === 'drain') return { ms, extend: request.extend === true, why: 'drain', atOnce };
    if (request.verb !== 'restart' || request.now === true) return null;
    return { ms, extend: false, why: 'restart', atOnce: this.targets[0] === key };
  }

  /** Why it is drained now; null: nobody asked for it. */
  reasonFor(key: ReplicaKey): DrainWish | null {
    const restart = this.restartOf(key);
    const turn: DrainWish | null =
      restart === undefined || restart.now ? null : { ms: restart.ms, extend: false, why: 'restart', atOnce: true };
    return this.wishFor(key) ?? turn;
  }

  /** The request that is being answered wants it up, and not anew. */
  callsOff(key: ReplicaKey): boolean {
    return this.verbFor(key) === 'start' || this.verbFor(key) === 'reset';
  }

  /** Somebody does not want to wait for its drain. */
  mayCut(key: ReplicaKey): boolean {
    const { request } = this;
    if (this.restartOf(key)?.now === true || this.verbFor(key) === 'stop') return true;
    if (request?.type === 'requested') return this.verbFor(key) === 'restart' && request.now === true;
    return request !== null && request.rung !== 'drain' && this.targets.includes(key);
  }

  /** Whether the request that is being answered cancels an operation of that kind on one of these. */
  overrides(kind: string, keys: readonly ReplicaKey[]): boolean {
    const { request } = this;
    if (request?.type === 'shutdown-requested') return kind !== 'shutdown';
    if (request === null || !this.targets.some((key) => keys.includes(key))) return false;
    if (request.verb === 'stop') return kind === 'drain';
    return request.verb !== 'drain' && (kind === 'drain' || kind === 'stop');
  }

  private verbFor(key: ReplicaKey): Verb | null {
    const { request } = this;
    return request?.type === 'requested' && this.targets.includes(key) ? request.verb : null;
  }

  private restartOf(key: ReplicaKey): Restart | undefined {
    return [...this.restarts.values()].find(({ keys }) => keys.includes(key));
  }
}
