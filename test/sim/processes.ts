/** The virtual machine's processes: engines, what they fork, and who holds which port. */

import type { EngineIdentity } from '../../src/core/facts.js';
import type { Launch } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import { bySignal, type Ending, endings } from './exits.js';
import type { Fate, Spell } from './fate.js';
import type { Request, Telling } from './requests.js';
import type { Timeline } from './timeline.js';

export type Process = {
  readonly pid: number;
  readonly startTicks: number;
  /** The pid of its group's leader; its own where it has left that. */
  readonly group: number;
  readonly key: ReplicaKey;
  readonly incarnation: number;
  readonly instance: string;
  readonly launch: Launch;
  readonly isLeader: boolean;
  readonly bornAt: number;
  readonly fate: Fate;
  alive: boolean;
  loadedAt: number | null;
  spell: Spell | null;
  /** Whether anything has ever been wrong with it that could be a reason to end it. */
  wasUnwell: boolean;
  /** Who has been sent SIGKILL need not be sent it again. */
  killed: boolean;
  /** What it says of its requests. */
  readonly telling: Telling;
  requests: readonly Request[];
};

/** How a leader ended. */
export type Death = { readonly process: Process; readonly how: Ending; readonly empty: boolean };

export class Processes {
  readonly living = new Map<number, Process>();
  /** By instance: when its leader ended, and when the last of its tree did so far. */
  private readonly ends = new Map<string, { leaderAt: number | null; lastAt: number }>();
  private pids = 4_000;

  constructor(
    private readonly timeline: Timeline,
    /** Whether a stranger has that port. */
    private readonly isTaken: (port: number) => boolean,
    private readonly onDeath: (death: Death) => void,
    private readonly onAlarm: (process: Process, alarm: Fate['alarms'][number]['alarm']) => void,
  ) {}

  launch(launch: Launch, fate: Fate): Process {
    const leader = this.fork(launch, fate, null);
    for (let n = 0; n < fate.workers; n += 1) this.fork(launch, fate, leader.pid);
    for (let n = 0; n < fate.strays; n += 1) this.fork(launch, fate, null, false);
    const { timeline } = this;
    if (Number.isFinite(fate.loadMs))
      timeline.after(fate.loadMs, () => {
        if (!leader.alive) return;
        if (this.isTaken(launch.port)) this.die(leader, endings['port in use']);
        else leader.loadedAt = timeline.now;
      });
    const { end } = fate;
    if (end !== null) timeline.after(end.afterMs, () => this.die(leader, end.how));
    for (const { afterMs, forMs, kind } of fate.spells) {
      timeline.after(afterMs, () => {
        leader.spell = kind;
        leader.wasUnwell = true;
      });
      timeline.after(afterMs + forMs, () => {
        leader.spell = null;
      });
    }
    for (const { afterMs, alarm } of fate.alarms) {
      timeline.after(afterMs, () => {
        leader.wasUnwell = true;
        if (leader.alive) this.onAlarm(leader, alarm);
      });
    }
    return leader;
  }

  find({ pid, startTicks }: Pick<EngineIdentity, 'pid' | 'startTicks'>): Process | null {
    const found = this.living.get(pid);
    return found?.startTicks === startTicks ? found : null;
  }

  /** Everybody who was born of that launch, wherever they have gone. */
  treeOf(instance: string): readonly Process[] {
    return [...this.living.values()].filter((each) => each.instance === instance);
  }

  /** Who has a replica's log open. */
  writersOf(key: ReplicaKey): readonly Process[] {
    return [...this.living.values()].filter((each) => each.key === key);
  }

  groupOf(pid: number): readonly Process[] {
    return [...this.living.values()].filter(({ group }) => group === pid);
  }

  /** One of each tree. */
  trees(): readonly Process[] {
    return [...new Map([...this.living.values()].map((each) => [each.instance, each])).values()];
  }

  leaders(): readonly Process[] {
    return [...this.living.values()].filter(({ isLeader }) => isLeader);
  }

  /** Null while its leader lives. */
  leaderEndedAt(instance: string): number | null {
    return this.ends.get(instance)?.leaderAt ?? null;
  }

  /** When the last of a tree ended of which nobody lives. */
  emptySince(instance: string): number {
    return this.ends.get(instance)?.lastAt ?? Number.NEGATIVE_INFINITY;
  }

  term(process: Process): void {
    const { termMs } = process.fate;
    if (process.alive && Number.isFinite(termMs)) this.timeline.after(termMs, () => this.die(process, bySignal.term));
  }

  kill(process: Process): void {
    if (process.killed || !process.alive) return;
    process.killed = true;
    this.timeline.after(process.fate.killMs, () => this.die(process, bySignal.kill));
  }

  die(process: Process, how: Ending): void {
    if (!process.alive) return;
    this.end(process);
    if (!process.isLeader) return;
    const group = this.groupOf(process.pid);
    if (process.fate.workersFollow) for (const each of group) this.end(each);
    this.onDeath({ process, how, empty: process.fate.workersFollow || group.length === 0 });
  }

  /** The machine goes down: nobody is told of anything. */
  reboot(): void {
    for (const each of [...this.living.values()]) this.end(each);
    this.pids = 4_000;
  }

  private end(process: Process): void {
    process.alive = false;
    this.living.delete(process.pid);
    const { now } = this.timeline;
    const before = this.ends.get(process.instance)?.leaderAt ?? null;
    this.ends.set(process.instance, { leaderAt: process.isLeader ? now : before, lastAt: now });
  }

  private fork(launch: Launch, fate: Fate, group: number | null, isLeader = group === null): Process {
    this.pids += 1;
    const pid = this.pids;
    const process: Process = {
      pid,
      startTicks: Math.floor(this.timeline.now / 10),
      group: group ?? pid,
      key: launch.key,
      incarnation: launch.incarnation,
      instance: launch.instance,
      launch,
      isLeader,
      bornAt: this.timeline.now,
      fate,
      alive: true,
      loadedAt: null,
      spell: null,
      wasUnwell: false,
      killed: false,
      telling: launch.spec.engine === 'command' ? 'mute' : fate.telling,
      requests: [],
    };
    this.living.set(pid, process);
    return process;
  }
}
