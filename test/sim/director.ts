/** What befalls the machine and its supervisor, and what operators ask: drawn from the seed, all independent of each other. */

import type { Inventory } from '../../src/core/model.js';
import { beginClients } from './clients.js';
import type { Written } from './disk.js';
import { Editors } from './editors.js';
import { edit } from './edits.js';
import { endings } from './exits.js';
import type { Machine } from './machine.js';
import { Operators } from './operators.js';
import type { Random } from './random.js';
import { Supervisor } from './supervisor.js';

const minute = 60_000;
const hour = 60 * minute;

type Rung = 'drain' | 'stop' | 'kill';

export class Director {
  private inventory: Inventory;
  private written: Written | null = null;
  private deadly = 0;
  private readonly random: Random;
  private readonly clients: ReturnType<typeof beginClients>;
  private readonly operators: Operators;
  private readonly editors: Editors;

  constructor(
    private readonly machine: Machine,
    private readonly all: Inventory,
    private readonly gpus: number,
  ) {
    this.inventory = all;
    this.random = machine.random.fork('director');
    this.clients = beginClients(machine, all);
    this.operators = new Operators(
      machine,
      machine.random.fork('operators'),
      all,
      (forMs) => this.threaten(0.4, forMs),
      () => this.inventory,
    );
    this.editors = new Editors(machine, machine.random.fork('editors'), {
      ...{ all, gpus, operators: this.operators },
      threaten: (forMs) => this.threaten(0.4, forMs),
      read: () => this.inventory,
      write: (inventory) => {
        this.inventory = inventory;
      },
    });
  }

  begin(): void {
    const { machine, random } = this;
    this.launch([]);
    for (const { poolId } of this.all.pools) this.often(30 * minute, () => machine.changeWeather(poolId));
    this.often(12 * minute, () => this.operators.wish());
    this.often(20 * minute, () => this.operators.reload());
    this.often(120 * minute, () => this.editors.change());
    this.often(2 * hour, () => this.kill('SIGKILL of the supervisor'));
    this.often(2 * hour, () => this.threaten(0.15, 3 * minute));
    this.often(4 * hour, () => this.shutDown());
    this.often(3 * hour, () => this.stall());
    this.often(5 * hour, () => {
      machine.watch.count('suspend');
      machine.moveWall(random.between(minute, 5 * hour));
      machine.supervisor?.slept();
    });
    this.often(6 * hour, () => {
      machine.watch.count('wall clock set');
      machine.moveWall(random.pick([-24 * hour, -minute, minute, 24 * hour]));
    });
    this.often(12 * hour, () => {
      if (machine.supervisor !== null) this.kill('power cut');
      machine.reboot();
    });
    this.often(2 * hour, () => this.sicken());
    this.often(3 * hour, () => this.fail());
    this.often(2 * hour, () => {
      machine.watch.count('a slow disk');
      machine.slowDiskUntil = machine.now + random.between(minute, 10 * minute);
    });
    this.often(hour, () => this.takePort());
    this.often(20 * minute, () => this.takeMemory());
    this.often(2 * hour, () => this.report());
  }

  private often(meanMs: number, run: () => void): void {
    this.machine.timeline.after(this.random.exponential(meanMs), () => {
      run();
      this.often(meanMs, run);
    });
  }

  private launch(named: readonly string[]): void {
    new Supervisor(this.machine, {
      inventory: this.inventory,
      named,
      written: this.written,
      keep: (written) => {
        this.written = written;
      },
      barrier: (at, supervisor) => {
        if (this.deadly > 0 && supervisor.alive && this.random.chance(this.deadly))
          this.kill(`the supervisor dies at a barrier: ${at}`);
      },
      ended: () => this.again(),
    }).begin();
  }

  /** The next one comes soon, or late; sometimes with another inventory, and once in a while without what the last one wrote. */
  private again(): void {
    const { random, machine } = this;
    const waitMs = random.chance(0.8) ? random.between(200, 5_000) : random.exponential(5 * minute);
    machine.timeline.after(waitMs, () => {
      if (random.chance(0.15)) {
        this.inventory = edit(this.inventory, this.all, this.gpus, random, true);
        machine.watch.count('the inventory is edited');
      }
      if (random.chance(0.01)) {
        this.written = null;
        machine.watch.count('the registry is lost');
      }
      const named = random.chance(0.05) ? this.inventory.pools.slice(0, 1 + random.below(3)).map(({ poolId }) => poolId) : [];
      this.launch(named);
      // Somebody has waited for it, and asks before it has met its engines.
      if (random.chance(0.2)) machine.timeline.after(random.between(0, 2), () => this.operators.wish());
      if (random.chance(0.1)) machine.timeline.after(random.between(0, 60), () => this.editors.tune());
    });
  }

  /** At each barrier of the registry the supervisor may die, for so long. */
  private threaten(chance: number, forMs: number): void {
    this.deadly = chance;
    this.machine.timeline.after(forMs, () => {
      this.deadly = 0;
    });
  }

  private kill(fault: string): void {
    const { supervisor, watch } = this.machine;
    if (supervisor === null) return;
    watch.count(fault);
    supervisor.die();
  }

  private shutDown(): void {
    const { random, machine } = this;
    const keep = random.chance(0.3);
    machine.watch.count(keep ? 'a shutdown that keeps the engines' : 'a shutdown');
    const ask = (rung: Rung): void =>
      void machine.supervisor?.give({
        ...{ type: 'shutdown-requested', because: 'SIGTERM', rung, keep, exit: 0, correlationId: null },
        deadlineMs: random.chance(0.5) ? null : random.between(0, 5 * minute),
      });
    ask(
      random.weighted<Rung>([
        [2, 'kill'],
        [6, 'drain'],
        [2, 'stop'],
      ]),
    );
    this.clients.knock();
    if (random.chance(0.1)) this.threaten(0.4, 2_000);
    if (random.chance(0.3))
      machine.timeline.after(random.between(10, 20_000), () => ask(random.pick(['drain', 'stop', 'kill'] as const)));
  }

  private stall(): void {
    const { random, machine } = this;
    machine.watch.count('the supervisor stalls');
    this.clients.knock();
    machine.supervisor?.stall(random.between(2_000, 60_000));
    // Who is being waited for meanwhile is not heard in time, and may be given up.
    const ready = [...(machine.supervisor?.state.pools.values() ?? [])].flatMap(({ replicas }) =>
      replicas.flatMap(({ key, life }) => (life.state === 'ready' ? [key] : [])),
    );
    for (const each of machine.processes.leaders()) if (!ready.includes(each.key)) each.wasUnwell = true;
  }

  private sicken(): void {
    const { random, machine } = this;
    const index = random.pick(machine.gpus.indexes);
    const how = random.pick(['sick', 'gone', 'silent'] as const);
    machine.watch.count(how === 'silent' ? 'the device tool fails' : `a device is ${how}`);
    if (how === 'silent') machine.gpus.toolFails = true;
    else machine.gpus[how].add(index);
    if (how === 'gone') machine.failDevice(index, endings['driver error']);
    machine.gpus.changedAt = machine.now;
    machine.timeline.after(random.exponential(10 * minute), () => {
      machine.gpus.changedAt = machine.now;
      machine.gpus.toolFails = false;
      machine.gpus.sick.delete(index);
      machine.gpus.gone.delete(index);
    });
  }

  /** One common cause: a whole device, or all engines at once. */
  private fail(): void {
    const { random, machine } = this;
    machine.watch.count('many engines die at once');
    const how = random.pick([endings.segfault, endings['out of host memory'], endings['illegal access']]);
    if (random.chance(0.5)) machine.failDevice(random.pick(machine.gpus.indexes), how);
    else for (const each of machine.processes.leaders()) machine.processes.die(each, how);
  }

  private takePort(): void {
    const { random, machine } = this;
    const loading = machine.processes.leaders().filter(({ loadedAt }) => loadedAt === null);
    const any = this.all.supervisor.ports.from + random.below(14);
    const port = loading.length > 0 ? random.pick(loading).launch.port : any;
    if (machine.processes.leaders().some(({ launch, loadedAt }) => launch.port === port && loadedAt !== null)) return;
    machine.watch.count('a stranger takes a port');
    machine.strangers.add(port);
    machine.timeline.after(random.exponential(10 * minute), () => machine.strangers.delete(port));
  }
  /** Somebody else's program on a GPU, for a while. */
  private takeMemory(): void {
    const { random, machine } = this;
    const index = random.pick(machine.gpus.indexes);
    machine.watch.count('a stranger takes VRAM');
    // A little mostly, so that what fits without what a neighbour has just taken does not fit with it.
    const gib = random.chance(0.6) ? random.between(0.5, 4) : random.between(4, 14);
    machine.gpus.strangers.set(index, gib * 2 ** 30);
    machine.gpus.changedAt = machine.now;
    machine.timeline.after(random.exponential(10 * minute), () => {
      machine.gpus.strangers.delete(index);
      machine.gpus.changedAt = machine.now;
    });
  }

  /** The kernel tells of a GPU, and later of its reset. */
  private report(): void {
    const { random, machine } = this;
    const index = random.pick(machine.gpus.indexes);
    const about = { pciAddress: `0000:0${index}:00`, text: 'reported an error', word: 'xid_48' } as const;
    const tell = (kind: 'error' | 'reset', cure: 'reset' | null): void =>
      void machine.supervisor?.give({ type: 'device-reported', report: { ...about, kind, cure } });
    machine.watch.count('the kernel reports a GPU');
    tell('error', random.chance(0.5) ? 'reset' : null);
    machine.timeline.after(random.exponential(10 * minute), () => tell('reset', null));
  }
}
