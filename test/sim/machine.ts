/** The virtual machine under a supervisor: everything that lives on when that dies. */

import type { HandoffFacts, Launch } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import { type Weather, weathers } from './fate.js';
import { Gpus } from './gpus.js';
import { type Death, Processes } from './processes.js';
import type { Random } from './random.js';
import type { Supervisor } from './supervisor.js';
import { Timeline } from './timeline.js';
import type { Watch } from './watch.js';

/** An arbitrary Tuesday. */
const epochMs = 1_767_700_000_000;

export type Handoff = { readonly launch: Launch; readonly facts: HandoffFacts };

export class Machine {
  readonly timeline = new Timeline();
  readonly processes: Processes;
  readonly gpus: Gpus;
  readonly handoffs = new Map<ReplicaKey, Handoff>();
  /** Ports that belong to nobody of ours. */
  readonly strangers = new Set<number>();
  readonly weather = new Map<string, Weather>();
  boot = 1;
  /** Until when the disk is slow. */
  slowDiskUntil = 0;
  /** The supervisor that runs; null between two. */
  supervisor: Supervisor | null = null;
  private bootedAt = -10_000;
  private skewMs = 0;

  constructor(
    readonly random: Random,
    readonly watch: Watch,
    gpus: number,
  ) {
    this.gpus = new Gpus(gpus);
    this.processes = new Processes(
      this.timeline,
      (port) => this.strangers.has(port),
      (death) => this.onDeath(death),
      (process, alarm) => this.supervisor?.hear(process, alarm),
    );
  }

  get now(): number {
    return this.timeline.now;
  }

  /** As CLOCK_MONOTONIC shows it. */
  get monotonicMs(): number {
    return this.timeline.now - this.bootedAt;
  }

  get wallMs(): number {
    return Math.round(epochMs + this.timeline.now + this.skewMs);
  }

  get bootId(): string {
    return `boot-${this.boot}`;
  }

  /** Somebody sets the wall clock, or the machine sleeps for so long: no process runs then, and the monotonic clock stands. */
  moveWall(byMs: number): void {
    this.skewMs += byMs;
  }

  reboot(): void {
    this.watch.count('reboot');
    this.processes.reboot();
    this.boot += 1;
    this.bootedAt = this.now - 5_000;
  }

  /** Trouble comes and goes, pool by pool. */
  changeWeather(poolId: string): void {
    const kind = this.random.chance(0.45) ? 'calm' : this.random.pick(weathers);
    this.weather.set(poolId, kind);
    this.watch.note(() => `weather over ${poolId}: ${kind}`);
  }

  /** Everything on one device dies at once. */
  failDevice(index: string, how: Death['how']): void {
    for (const each of this.processes.leaders())
      if (each.launch.devices.some((device) => device.index === index)) this.processes.die(each, how);
  }

  private lingerMs(): number {
    const { random } = this;
    return random.weighted([
      [14, random.between(0, 200)],
      [5, random.between(200, 3_000)],
      [1, random.between(3_000, 20_000)],
    ]);
  }

  private onDeath(death: Death): void {
    const { process, how } = death;
    this.watch.count(how.name);
    this.watch.note(() => `${process.key} pid ${process.pid} ends: ${how.name}${death.empty ? '' : ', and leaves its group'}`);
    this.watch.ended(death);
    if (process.launch.devices.length > 0) this.gpus.leave(process, this.now + this.lingerMs());
    this.supervisor?.reap(death);
  }
}
