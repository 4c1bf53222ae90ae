/**
 * Clients: they lease a slot, send requests under it, do nothing with it for a while, renew it, and give it back or just vanish. A request of
 * theirs is to be answered.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../orchestrator/poolctl.js';
import type { Random } from '../sim/random.js';
import type { Held } from './lease-book.js';
import { poolIds } from './pools.js';
import { type Part, pause, type Run } from './run-state.js';
import { named } from './witness.js';

/** Between two tokens of an answer. */
const tokenMs = 20;

/** What an answer says of a lease, and which supervisor gave it. */
type Granted = { readonly held: Held; readonly url: string; readonly ttlMs: number; readonly generation: number };

type Wanted = { readonly poolId: string; readonly body: object };

export const holder: Part = async (run, random, signal) => {
  while (!signal.aborted) {
    await pause(random.exponential(250), signal);
    if (signal.aborted) return;
    // Half of them want the same replica, which has not slots for so many.
    const wanted = random.chance(0.5)
      ? { poolId: 'rank', body: { replica_id: 'r1' } }
      : { poolId: random.pick(poolIds), body: {} };
    const lease = await acquire(run, random, wanted);
    if (lease !== null) await use(run, random, lease, signal);
  }
};

async function acquire(run: Run, random: Random, { poolId, body }: Wanted): Promise<Granted | null> {
  const { supervisor, leases, witness, chronicle, goals } = run;
  const ttlMs = Math.round(random.between(1_500, 6_000));
  const before = new Map(witness.alive.map((engine) => [engine.key, { engine, wish: goals.downBy(engine.key) }]));
  const { generation } = supervisor;
  const sentAt = performance.now();
  const answer = await supervisor.ask('POST', `/v2/pools/${poolId}/leases`, { ...body, ttl_ms: ttlMs });
  if (answer === null) return null;
  chronicle.count('operations', `lease ${answer.status === 201 ? 'granted' : `refused ${answer.body.error?.code}`}`);
  if (answer.status !== 201 || generation !== supervisor.generation) return null;
  const { lease_id: id, replica_id, url } = answer.body;
  const key = `${poolId}/${replica_id}`;
  const { engine: then = null, wish = null } = before.get(key) ?? {};
  if (wish !== null && wish === goals.downBy(key))
    chronicle.violate(`a lease of ${key} was granted after "${wish.wish}" had been accepted`);
  await witness.look();
  const held: Held = { id, key, engine: then !== null && then === witness.of(key) ? then : null, until: sentAt + ttlMs };
  if (generation !== supervisor.generation) return null;
  leases.granted(held);
  return { held, url: String(url), ttlMs, generation };
}

async function use(run: Run, random: Random, lease: Granted, signal: AbortSignal): Promise<void> {
  const { supervisor, leases, chronicle } = run;
  const { held } = lease;
  const vanishes = random.chance(0.15);
  const times = 1 + random.below(4);
  // Shorter than the lease lasts, by some margin.
  const someMs = (): number => (random.next() * Math.max(0, held.until - performance.now() - 800)) / 2;
  for (let n = 0; n < times && !signal.aborted && leases.isHeld(held.id); n += 1) {
    // Meanwhile nothing but the lease says that somebody is to be waited for.
    if (random.chance(0.6)) await pause(someMs(), signal);
    await request(run, lease, 1 + Math.floor(someMs() / tokenMs));
    if (random.chance(0.5) && leases.isHeld(held.id)) await renew(run, lease);
  }
  if (vanishes && !signal.aborted) return chronicle.count('operations', 'lease left to expire');
  leases.returned(held.id);
  const answer = await supervisor.ask('DELETE', `/v2/leases/${held.id}`);
  if (answer === null) return;
  chronicle.count('operations', 'lease released');
  // A supervisor that is just ending has nothing to give back to.
  const isEnding = answer.status === 503 && supervisor.steadyMs() === 0;
  if (answer.status !== 204 && !isEnding) chronicle.violate(`the return of lease ${held.id} was answered with ${answer.status}`);
}

async function renew({ supervisor, leases, chronicle, excuses }: Run, { held, ttlMs, generation }: Granted): Promise<void> {
  const { id, key, engine } = held;
  const sentAt = performance.now();
  const answer = await supervisor.ask('POST', `/v2/leases/${id}/renew`, {});
  if (answer === null) return;
  chronicle.count('operations', `lease renewed ${answer.status}`);
  if (answer.status === 200) return leases.renewed(id, sentAt + ttlMs);
  const isDue = (): boolean =>
    leases.isHeld(id) &&
    generation === supervisor.generation &&
    engine !== null &&
    engine.goneAt === null &&
    // One that is being ended has none any more, and may take its time.
    excuses.of(engine, true) === null;
  if (!isDue()) return leases.returned(id);
  // What ended its engine may not have been seen yet.
  await sleep(1_000);
  if (isDue())
    chronicle.violate(`lease ${id} of ${key} is held, its engine lives, and its renewal was answered with ${answer.status}`);
  leases.returned(id);
}

/** A request that was begun under a lease is answered whole, unless something was done to its engine. */
async function request(run: Run, { held, url, generation }: Granted, tokens: number): Promise<void> {
  const { chronicle, excuses, witness, supervisor } = run;
  const { key, engine } = held;
  const { hostname, port } = new URL(url);
  try {
    const signal = AbortSignal.timeout(tokens * tokenMs + 15_000);
    const to = { host: hostname, port: Number(port), method: 'POST', path: '/v1/completions', signal };
    const { status } = await send(to, { prompt: 'chaos', max_tokens: tokens });
    chronicle.count('operations', `request ${status === 200 ? 'answered' : status}`);
  } catch (error) {
    chronicle.count('operations', 'request lost with its engine');
    // Where engines are not asked for their requests, a lease is all that protects one, and it went with its supervisor.
    if (engine === null || (key.startsWith('code/') && generation !== supervisor.generation)) return;
    // What was done to it is written down when it is done, which may be a moment after it is felt.
    await sleep(500);
    await witness.look();
    if (excuses.of(engine, true) === null)
      chronicle.violate(
        `a request of ${tokens} tokens to ${named(engine)} was lost (${(error as Error).message}), and nothing was done to it`,
      );
  }
}
