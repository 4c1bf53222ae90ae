/** All questions to a running engine: is it healthy, what is it, what has it done, how much is it doing, and can it make one token. */

import type { EngineIdentity, ProbeResult, Work } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import { adapters } from '../engines/index.js';
import { cpuTicksOf } from '../host/cpu-ticks.js';
import { bytesRead, isAlive } from '../host/proc.js';
import type { EngineMarks } from '../host/tree.js';
import { describeEngine } from './describe.js';
import { logSize } from './engine-log.js';
import { asProved, type Listeners } from './listener.js';
import { makeMeters, type Reading } from './meters.js';
import type { Hands, ProbeWish } from './perform.js';
import { checkHealth, type Door, type HealthAnswer } from './probes.js';
import type { Processes } from './processes.js';
import type { ProbeClock } from './time-limit.js';
import { askForToken } from './token.js';

export type ProbingWorld = {
  readonly clock: ProbeClock;
  readonly processes: Pick<Processes, 'survivors'>;
  readonly listeners: Pick<Listeners, 'whose'>;
  readonly marksOf: (launch: Launch, identity: EngineIdentity) => EngineMarks;
  readonly logOf: (launch: Launch) => string;
};

/** A question to an engine that serves is not worth waiting longer for. */
const questionMs = 2_000;

export function makeProbing(world: ProbingWorld): Pick<Hands, 'probe' | 'generate' | 'poll'> {
  const { clock, processes, listeners } = world;
  const meters = makeMeters(clock.now);

  async function probe(launch: Launch, identity: EngineIdentity, wish: ProbeWish): Promise<ProbeResult> {
    const { health, engine } = launch.spec;
    const adapter = adapters[engine];
    const path = health.path === 'auto' || health.path === 'none' ? adapter.healthPath : health.path;
    const askedAt = clock.now();
    const [answer, work] = await Promise.all([
      checkHealth(doorOf(launch, health.timeoutMs), path, clock).then((said) => ({ ...said, tookMs: clock.now() - askedAt })),
      wish.work ? workOf(launch, identity) : null,
    ]);
    const { verdict, detail, tookMs } = answer;
    if (verdict !== 'ok') {
      const progress = wish.describe ? await progressOf(launch, identity) : null;
      const dead = wish.work && saysDead(answer, launch) && isAlive(identity);
      return { verdict, detail, ...unproved, progress, work, dead, description: null, tookMs };
    }
    const asked = wish.prove && health.listener === 'auto';
    const proof = asked
      ? asProved(await listeners.whose(world.marksOf(launch, identity), launch.spec.host, launch.port))
      : unproved;
    const description = wish.describe ? await describeEngine(adapter, launch.spec, doorOf(launch, questionMs)) : null;
    return { verdict, detail, ...proof, progress: null, work, dead: false, description, tookMs };
  }

  /** Grows while an engine loads: what it has logged and what it has read. */
  async function progressOf(launch: Launch, { pid }: EngineIdentity): Promise<number | null> {
    const [logged, read] = await Promise.all([logSize(world.logOf(launch)), bytesRead(pid)]);
    return logged === null && read === null ? null : (logged ?? 0) + (read ?? 0);
  }

  async function workOf(launch: Launch, identity: EngineIdentity): Promise<Work> {
    const { timeoutMs } = launch.spec.health;
    const [{ decoded, inflight }, tree] = await Promise.all([
      meters.read(launch, doorOf(launch, Math.min(timeoutMs, questionMs))),
      processes.survivors(world.marksOf(launch, identity)),
    ]);
    return { decoded, inflight, cpuTicks: cpuTicksOf(tree.map(({ pid }) => pid)) };
  }

  return {
    probe,
    async generate(launch, timeoutMs) {
      const question = adapters[launch.spec.engine].oneToken?.(launch) ?? null;
      if (question === null) return { verdict: 'unknown', detail: 'this engine cannot be asked for a token' };
      const counters = doorOf(launch, Math.min(timeoutMs, questionMs));
      const [before, { verdict, detail, silent }] = await Promise.all([
        meters.read(launch, counters),
        askForToken(doorOf(launch, timeoutMs), question, clock),
      ]);
      // All its slots may be taken by long answers, which are as good a proof.
      if (silent && serves(before, await meters.read(launch, counters)))
        return { verdict: 'unknown', detail: `${detail}, but it answers others` };
      return { verdict, detail };
    },
    async poll(launch) {
      if (adapters[launch.spec.engine].inflight === null) return { inflight: null, counters: null, canTell: false };
      const { inflight, counters } = await meters.read(launch, doorOf(launch, questionMs));
      return { inflight, counters, canTell: true };
    },
  };
}

const unproved = { listener: 'unproved', holder: null } as const;

/** More than the one step that our own request may have been given. */
function serves(before: Reading, after: Reading): boolean {
  const steps = (after.decoded ?? 0) - (before.decoded ?? Number.POSITIVE_INFINITY);
  return (after.inflight ?? 0) > 0 && steps > 1;
}

/** A port that refuses while its engine lives has been closed by the engine; a custom path says nothing that the adapter would know. */
function saysDead({ said }: HealthAnswer, { spec: { engine, health } }: Launch): boolean {
  const { deadStatus, healthPath } = adapters[engine];
  return said === 'refused' || (said !== null && said === deadStatus && (health.path === 'auto' || health.path === healthPath));
}

function doorOf({ spec, port }: Launch, timeoutMs: number): Door {
  return { host: spec.host, port, timeoutMs };
}
