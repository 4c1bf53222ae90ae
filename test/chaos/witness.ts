/**
 * Who lives, by /proc alone. Engines are told by the instance that their launch put into their environment, so one that poolctl has forgotten
 * is seen like any other. What is called a violation here is proved: two that lived at the same time were each seen alive after the other.
 */

import { readFileSync } from 'node:fs';
import { isAlive, isLiving, type ProcessStat, sweepProcesses } from '../../src/host/proc.js';

export type Engine = {
  readonly instance: string;
  /** `chat/r0` */
  readonly key: string;
  readonly pid: number;
  readonly startTicks: number;
  readonly port: number;
  readonly model: string;
  /** The GPUs that it was shown. */
  readonly mask: readonly string[];
  /** When it was first seen; it may be a little older. */
  readonly bornAt: number;
  /** It certainly lived then. */
  aliveAt: number;
  /** It was certainly dead then; null: it lives. */
  goneAt: number | null;
};

/** A process of this run that is no engine: the supervisor, its helpers, and what engines have left. */
export type Other = { readonly pid: number; readonly startTicks: number; readonly instance: string | null };

export type Hearing = {
  readonly born: (engine: Engine) => void;
  readonly died: (engine: Engine) => void;
  readonly violate: (text: string) => void;
  /** After each look. */
  readonly looked: (at: number) => void;
};

type Known = Other & { readonly engine: Engine | null; readonly readAt: number; readonly isOurs: boolean };

export class Witness {
  /** All that ever lived, by instance. */
  readonly engines = new Map<string, Engine>();
  private readonly known = new Map<string, Known>();
  private readonly told = new Set<string>();
  private looking: Promise<void> | null = null;

  /** `mark`: an environment variable, `NAME=value`, that everything of this run inherits. */
  constructor(
    private readonly mark: string,
    private readonly hearing: Hearing,
  ) {}

  /** Looks until `signal`; a look costs a few milliseconds. */
  async watch(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** A look that began after this call. */
  async look(): Promise<void> {
    await this.looking;
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = null;
    });
    await this.looking;
  }

  get alive(): readonly Engine[] {
    return [...this.engines.values()].filter(({ goneAt }) => goneAt === null);
  }

  of(key: string): Engine | null {
    return this.alive.find((engine) => engine.key === key) ?? null;
  }

  /** Living processes of this run that are no engines, as of the last look. */
  get others(): readonly Other[] {
    return [...this.known.values()].filter(({ isOurs, engine }) => isOurs && engine === null);
  }

  private async lookOnce(): Promise<void> {
    const begunAt = performance.now();
    const sweep = await sweepProcesses();
    const living = new Set<string>();
    const seen = new Set<Engine>();
    for (const stat of sweep.values()) {
      if (!isLiving(stat)) continue;
      const id = `${stat.pid}:${stat.startTicks}`;
      living.add(id);
      const { engine } = this.recognise(id, stat, begunAt);
      if (engine !== null && engine.pid === stat.pid && engine.startTicks === stat.startTicks) seen.add(engine);
    }
    const endedAt = performance.now();
    for (const id of this.known.keys()) if (!living.has(id)) this.known.delete(id);
    for (const engine of this.alive) {
      if (seen.has(engine)) engine.aliveAt = begunAt;
      else {
        engine.goneAt = endedAt;
        this.hearing.died(engine);
      }
    }
    this.compare([...seen]);
    this.hearing.looked(endedAt);
  }

  /** A process is what its program makes of it: one that is young may not have executed that yet, and is read again. */
  private recognise(id: string, stat: ProcessStat, at: number): Known {
    const before = this.known.get(id);
    if (before !== undefined && (before.engine !== null || before.readAt > stat.startTicks * 10 + settledMs)) return before;
    const environment = read(stat.pid, 'environ');
    const value = (name: string): string | null =>
      environment.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
    const instance = value('POOLCTL_INSTANCE');
    const known: Known = {
      pid: stat.pid,
      startTicks: stat.startTicks,
      instance,
      isOurs: environment.includes(this.mark),
      engine: null,
      readAt: sinceBootMs(),
    };
    const args = read(stat.pid, 'cmdline');
    const port = Number(args[args.indexOf('--port') + 1]);
    const engine =
      known.isOurs && instance !== null && args.includes('--port')
        ? this.engineOf(instance, {
            instance,
            key: `${value('POOLCTL_POOL_ID')}/${value('POOLCTL_REPLICA_ID')}`,
            pid: stat.pid,
            startTicks: stat.startTicks,
            port,
            model: args[args.indexOf('--model') + 1] ?? '',
            mask: (value('CUDA_VISIBLE_DEVICES') ?? '').split(',').filter((each) => each !== ''),
            bornAt: at,
            aliveAt: at,
            goneAt: null,
          })
        : null;
    const whole = { ...known, engine };
    this.known.set(id, whole);
    return whole;
  }

  /** What an engine has forked looks like it until it executes its own program: the first of an instance is the engine. */
  private engineOf(instance: string, found: Engine): Engine | null {
    const first = this.engines.get(instance);
    if (first !== undefined) return first.pid === found.pid && first.startTicks === found.startTicks ? first : null;
    this.engines.set(instance, found);
    this.hearing.born(found);
    return found;
  }

  private compare(engines: readonly Engine[]): void {
    for (const [at, one] of engines.entries()) {
      for (const other of engines.slice(at + 1)) {
        const shared = one.mask.filter((device) => other.mask.includes(device));
        const what =
          one.key === other.key
            ? `two engines of ${one.key}`
            : one.port === other.port
              ? `two engines on port ${one.port}`
              : shared.length > 0
                ? `two engines on GPU ${shared.join(', ')}`
                : null;
        if (what === null || this.told.has(`${one.instance} ${other.instance}`) || !livedTogether(one, other)) continue;
        this.told.add(`${one.instance} ${other.instance}`);
        this.hearing.violate(`${what} live at the same time: ${named(one)} and ${named(other)}`);
      }
    }
  }
}

/** Each was seen a moment ago. The second look at one proves that it lived after the first look at the other, and before the second. */
function livedTogether(one: Engine, other: Engine): boolean {
  return isAlive(one) && isAlive(other) && isAlive(one);
}

export const named = ({ key, pid, instance, port }: Engine): string => `${key} pid ${pid} (instance ${instance}, port ${port})`;

/** So long after its birth a process has executed what it is to be. */
const settledMs = 3_000;

const sinceBootMs = (): number => Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;

/** Lines that end with a zero byte; none where the process is gone or not ours to look at. */
function read(pid: number, name: 'environ' | 'cmdline'): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1').split('\0');
  } catch {
    return [];
  }
}
