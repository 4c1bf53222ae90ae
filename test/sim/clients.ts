/**
 * Clients of the virtual world: they lease slots, renew, give back, come too late, and vanish; through every death of the supervisor. Some lease
 * nothing, and send their requests wherever a handoff file says that somebody is ready.
 */

import type { Inventory, ReplicaKey } from '../../src/core/model.js';
import { replicasPerPool } from './inventory.js';
import type { Machine } from './machine.js';
import { serve } from './requests.js';

const minute = 60_000;

/** Who come one by one, once in a while so many at once that slots run out, and whenever they are called. */
export function beginClients(machine: Machine, { pools }: Inventory): { knock(): void } {
  const { timeline, watch } = machine;
  const random = machine.random.fork('clients');
  /** The last that were granted. */
  const recent: string[] = [];

  often(3 * minute, () => acquire(random.pick(pools).poolId, anyOf(), 3));
  often(40 * minute, () => {
    const [{ poolId }, whom] = [random.pick(pools), anyOf()];
    watch.count('a crowd of clients');
    for (let left = whom === null ? 14 : 6; left > 0; left -= 1)
      timeline.after(random.between(0, 2_000), () => acquire(poolId, whom, 0));
  });

  often(2 * minute, () => {
    const ready = [...machine.handoffs.keys()];
    if (ready.length > 0) send(random.pick(ready), drawWorkMs());
  });

  return {
    /** At every pool in the next moments, and to renew what was granted of late. */
    knock() {
      for (const id of recent) timeline.after(random.between(1, 2_000), () => renew(id));
      for (const { poolId } of pools) timeline.after(random.between(1, 2_000), () => acquire(poolId, null, 0));
    },
  };

  function often(meanMs: number, run: () => void): void {
    timeline.after(random.exponential(meanMs), () => {
      run();
      often(meanMs, run);
    });
  }

  /** To the engine that serves there now. */
  function send(key: ReplicaKey, forMs: number): void {
    const instance = machine.handoffs.get(key)?.launch.instance;
    const engine = machine.processes.leaders().find((each) => each.instance === instance);
    if (engine !== undefined) serve(engine, machine.now, forMs);
  }

  function drawWorkMs(): number {
    return random.weighted([
      [6, random.exponential(10_000)],
      [3, random.exponential(minute)],
      [1, random.exponential(15 * minute)],
    ]);
  }

  function anyOf(): `r${number}` | null {
    return random.chance(0.6) ? null : `r${random.below(replicasPerPool)}`;
  }

  function drawTtl(): number {
    return Math.round(
      random.weighted([
        [3, random.between(2_000, 30_000)],
        [5, random.between(30_000, 3 * minute)],
        [2, random.between(3 * minute, 15 * minute)],
      ]),
    );
  }

  /** Where nobody is ready it comes again so often. */
  function acquire(poolId: string, replicaId: `r${number}` | null, tries: number): void {
    const ttlMs = drawTtl();
    const renewals = random.chance(0.5) ? 0 : 1 + random.below(3);
    const vanishes = random.chance(0.2);
    machine.supervisor?.ask(
      { type: 'lease-requested', poolId, replicaId, ttlMs, holder: random.chance(0.5) ? 'router' : null, correlationId: null },
      (answer) => {
        if (answer.ok && answer.lease !== null) {
          recent.push(answer.lease.id);
          if (recent.length > 8) recent.shift();
          send(answer.lease.key, Math.min(ttlMs, drawWorkMs()));
          hold({ id: answer.lease.id, ttlMs, renewals, vanishes });
        } else if (tries > 0) timeline.after(random.exponential(10_000), () => acquire(poolId, replicaId, tries - 1));
      },
    );
  }

  /** Until it has renewed as often as it will. What is nobody's any more it does not ask for again. */
  function hold(held: {
    readonly id: string;
    readonly ttlMs: number;
    readonly renewals: number;
    readonly vanishes: boolean;
  }): void {
    const { id, ttlMs, renewals, vanishes } = held;
    if (renewals === 0) {
      if (vanishes) watch.count('a client vanishes');
      else timeline.after(ttlMs * random.between(0.1, 1.05), () => giveBack(id));
      return;
    }
    timeline.after(ttlMs * random.between(0.3, 1.05), () => {
      const other = random.chance(0.3) ? drawTtl() : null;
      const next = { ...held, renewals: renewals - 1 };
      if (machine.supervisor === null) hold(next);
      machine.supervisor?.ask({ type: 'lease-renewed', id, ttlMs: other, correlationId: null }, (answer) => {
        if (answer.ok) hold({ ...next, ttlMs: other ?? ttlMs });
        else watch.count('a client renews too late');
      });
    });
  }

  function renew(id: string): void {
    machine.supervisor?.ask({ type: 'lease-renewed', id, ttlMs: null, correlationId: null }, () => {});
  }

  /** Some do so twice, and some go on as if it were theirs. */
  function giveBack(id: string): void {
    const again = random.next();
    const release = (): void =>
      machine.supervisor?.ask({ type: 'lease-released', id, correlationId: null }, () => {
        if (again < 0.1) renew(id);
      });
    release();
    if (again > 0.9) timeline.after(random.between(1, 5_000), release);
  }
}
