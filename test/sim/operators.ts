/** What operators ask, and what goes wrong just then: drawn from the seed. */

import type { Verb } from '../../src/core/messages.js';
import type { Inventory, ModelChoice, PoolSpec } from '../../src/core/model.js';
import { endings } from './exits.js';
import type { Machine } from './machine.js';
import { type ModelKind, modelKinds, modelOf } from './models.js';
import type { Random } from './random.js';

const minute = 60_000;
const hour = 60 * minute;

type Asked = { readonly poolId: string; readonly replicaId: `r${number}` | null; readonly verb: Verb };

export class Operators {
  constructor(
    private readonly machine: Machine,
    private readonly random: Random,
    private readonly all: Inventory,
    /** The supervisor may die at each of its barriers for so long. */
    private readonly threaten: (forMs: number) => void,
    /** As it stands in the file now. */
    private readonly file: () => Inventory,
  ) {}

  /** Another model, good or bad, the file's, or the one that it has. */
  reload(): void {
    const { random, machine } = this;
    const { poolId } = random.pick(this.all.pools);
    const drainMs = this.drawDeadline();
    const wish = (): void =>
      void machine.supervisor?.give({
        ...{ type: 'reload-requested', poolId, chosen: this.chooseModel(poolId), drainMs, correlationId: null },
      });
    if (random.chance(0.25)) this.threaten(random.between(1_000, 60_000));
    // Somebody drains one of its replicas just now, and wants it back soon.
    if (random.chance(0.2)) {
      const asked = { poolId, replicaId: `r${random.below(3)}` } as const;
      this.ask({ ...asked, verb: 'drain' });
      machine.timeline.after(random.exponential(3 * minute), () => this.ask({ ...asked, verb: 'start' }));
    }
    wish();
    if (random.chance(0.1)) machine.timeline.after(random.between(1, 30_000), wish);
    if (random.chance(0.5))
      this.disturb({ poolId, replicaId: random.chance(0.5) ? null : (`r${random.below(3)}` as const) }, drainMs ?? 5 * minute);
  }

  private chooseModel(poolId: string): ModelChoice {
    const { random, machine } = this;
    const known = (pool: PoolSpec | undefined): ModelChoice =>
      pool === undefined
        ? modelOf(poolId, 'fine', 0)
        : { model: pool.model, modelDigest: pool.modelDigest, modelId: pool.modelId };
    const kind = random.weighted<ModelKind | 'as in the file' | 'as it is'>([
      [8, 'fine'],
      [2, 'as in the file'],
      [1, 'as it is'],
      ...modelKinds.slice(1).map((each) => [1, each] as const),
    ]);
    if (kind === 'as in the file') return known(this.file().pools.find((pool) => pool.poolId === poolId));
    if (kind === 'as it is') return known(machine.supervisor?.state.pools.get(poolId)?.spec);
    return modelOf(poolId, kind, random.below(3));
  }

  wish(): void {
    const { random, machine } = this;
    const { poolId } = random.pick(this.all.pools);
    const verb = random.weighted<Verb>([
      [4, 'start'],
      [2, 'stop'],
      [2, 'restart'],
      [2, 'reset'],
      [4, 'drain'],
    ]);
    const replicaId = random.chance(0.5) ? null : (`r${random.below(3)}` as const);
    const asked: Asked = { poolId, replicaId, verb };
    if ((verb === 'drain' || verb === 'restart') && random.chance(0.15)) this.threaten(2_000);
    const deadlineMs = this.ask(asked);
    // People press a key twice, or change their mind.
    if (random.chance(0.2)) machine.timeline.after(random.between(1, 5_000), () => this.ask(asked));
    if (verb === 'drain' || verb === 'restart') this.disturb(asked, deadlineMs ?? 5 * minute);
    if (verb === 'stop' || verb === 'drain')
      machine.timeline.after(random.exponential(5 * minute), () => this.ask({ poolId, replicaId: null, verb: 'start' }));
  }

  drawDeadline(): number | null {
    const { random } = this;
    return random.weighted([
      [3, null],
      [1, 0],
      [3, Math.round(random.between(1_000, 30_000))],
      [3, Math.round(random.between(minute, 15 * minute))],
      [1, Math.round(random.between(hour, 4 * hour))],
    ]);
  }

  /** Answers how long it may drain. */
  private ask({ poolId, replicaId, verb }: Asked): number | null {
    const { random } = this;
    const deadlineMs = verb === 'drain' || verb === 'restart' ? this.drawDeadline() : null;
    this.machine.supervisor?.give({
      ...{ type: 'requested', verb, poolId, replicaId, deadlineMs, correlationId: null },
      ...{ once: random.chance(0.5), extend: random.chance(0.3), now: random.chance(0.4) },
    });
    return deadlineMs;
  }

  /** While it drains somebody thinks otherwise, its engines die or hang, or its supervisor dies, at the end at the latest. */
  disturb(asked: Omit<Asked, 'verb'>, deadlineMs: number): void {
    const { random, machine } = this;
    const withinMs = Math.min(deadlineMs, 2 * minute);
    const later = (run: () => void): void => machine.timeline.after(random.between(0, withinMs), run);
    const engines = () => machine.processes.leaders().filter(({ launch }) => launch.spec.poolId === asked.poolId);
    const verb = random.weighted<Verb | null>([
      [5, null],
      [3, 'start'],
      [3, 'drain'],
      [1, 'stop'],
      [1, 'restart'],
      [1, 'reset'],
    ]);
    if (verb !== null) later(() => this.ask({ ...asked, replicaId: random.chance(0.7) ? asked.replicaId : null, verb }));
    if (random.chance(0.1))
      later(() => {
        machine.watch.count('engines die while they may drain');
        for (const each of engines()) machine.processes.die(each, endings.segfault);
      });
    if (random.chance(0.1))
      later(() => {
        machine.watch.count('engines hang while they may drain');
        for (const each of engines()) Object.assign(each, { spell: 'silent', wasUnwell: true });
      });
    if (random.chance(0.1)) later(() => this.threaten(10_000));
    if (random.chance(0.1)) machine.timeline.after(Math.max(0, deadlineMs - 5), () => this.threaten(10_000));
  }
}
