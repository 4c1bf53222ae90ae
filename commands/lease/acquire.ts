/** Asking for a lease, also again and again for a while, and who says to have it. */

import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, LeaseBody } from '../../src/api/client.js';
import type { LeaseView } from '../../src/api/wire.js';
import { exitStatus, PoolctlError } from '../../src/errors.js';
import { resolveTargets, type Target } from '../ask/selectors.js';

/** Nobody waits longer than this for a slot that somebody gave back. */
const longestSleepMs = 1_000;
/** Nor asks more often than this. */
const shortestSleepMs = 50;

/** The one pool or replica that was named. Throws POOL_NOT_FOUND or REPLICA_NOT_FOUND with what was probably meant. */
export async function targetOf(client: Client, selector: string, verb: string): Promise<Target> {
  if (selector === 'all') {
    throw new PoolctlError('USAGE', 'cannot lease "all": a lease is of one pool or one replica', {
      hint: `poolctl ${verb} POOL`,
    });
  }
  const [target] = resolveTargets([selector], (await client.status()).pools, verb);
  return target ?? { poolId: selector, replicaId: null };
}

/**
 * A lease, at the latest when `waitMs` have passed; then the last refusal is thrown, or at once what is none. Each new reason to
 * wait is told. Null where Ctrl-C came first: then nothing is held.
 */
export async function acquire(
  client: Pick<Client, 'acquireLease' | 'releaseLease'>,
  { poolId, replicaId }: Target,
  wish: Pick<LeaseBody, 'ttl_ms' | 'holder'>,
  { waitMs, interrupted, tell }: { waitMs: number; interrupted: AbortSignal; tell: (text: string) => void },
): Promise<LeaseView | null> {
  const body = { ...wish, replica_id: replicaId ?? undefined };
  const startedAt = performance.now();
  let told = '';
  while (!interrupted.aborted) {
    const answer = await client.acquireLease(poolId, body).catch((error: unknown) => refusalOf(error));
    if (!(answer instanceof PoolctlError)) {
      if (!interrupted.aborted) return answer;
      await client.releaseLease(answer.lease_id);
      return null;
    }
    const leftMs = waitMs - (performance.now() - startedAt);
    if (leftMs <= 0) throw answer;
    if (answer.message !== told) tell(`waiting: ${answer.message}\n`);
    told = answer.message;
    const pauseMs = Math.ceil(Math.min(leftMs, longestSleepMs, Math.max(shortestSleepMs, retryAfterMs(answer))));
    await sleep(pauseMs, undefined, { signal: interrupted }).catch(() => undefined);
  }
  return null;
}

/** `me@host:4100`: the process that will use it. */
export function holderHere(pid: number): string {
  return `${userName()}@${hostname()}:${pid}`;
}

/** What may be otherwise in a moment; anything else is thrown. */
function refusalOf(error: unknown): PoolctlError {
  if (error instanceof PoolctlError && exitStatus(error) === 7) return error;
  throw error;
}

function retryAfterMs({ more }: PoolctlError): number {
  const ms = more.extra?.retry_after_ms;
  return typeof ms === 'number' ? ms : longestSleepMs;
}

/** A uid need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'somebody');
  }
}
