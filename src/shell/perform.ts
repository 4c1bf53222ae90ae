/** Effect -> the hands that do it; outcomes come back only as inputs. Decides nothing. */

import type {
  Alarm,
  DevicesObservation,
  EngineIdentity,
  ExitEvidence,
  Obstacle,
  Offload,
  PerfCounters,
  ProbeResult,
  Verified,
} from '../core/facts.js';
import type { Effect, HandoffFacts, Input, Launch } from '../core/messages.js';
import type { PoolSpec, ReplicaKey, Result } from '../core/model.js';
import type { ModelNews, Staging } from '../core/progress.js';
import type { Perform } from './runtime.js';

export type ProbeWish = { readonly prove: boolean; readonly describe: boolean; readonly work: boolean };

/** What is told of a process, as it comes. */
export type Reports = {
  /** It has ended, and how is still being found out; `exited` follows. Left out where that can be told at once. */
  died(): void;
  /** Called once. `empty`: nobody of its group is left. */
  exited(exit: ExitEvidence, empty: boolean): void;
  /** Its log has told of an error of its GPU. Not called after `exited`. */
  alarmed(alarm: Alarm): void;
  /** Its log has told how much of the model is on its devices. Not called after `exited`. */
  offloaded(offload: Offload): void;
};

/** What can be done to the world. None of these rejects: a failure is an outcome. */
export type Hands = {
  /** Resolves when the registry, as the state is now, is on disk, or its failure has been told. */
  record(): Promise<void>;
  /** The same a moment later, and nobody waits for it. */
  touch(): void;
  check(
    launch: Launch,
    onStaging: (staging: Staging) => void,
  ): Promise<{
    readonly obstacles: readonly Obstacle[];
    readonly startupDeadlineMs: number;
    readonly portKnownFree: boolean;
    readonly slotsTotal?: number | null;
    readonly modelBytes: number | null;
    readonly listed: boolean;
    readonly modelNews?: ModelNews | null;
  }>;
  /** Looks at a model, which may have to be fetched, and touches nothing else. */
  verify(
    order: { readonly operationId: string; readonly spec: PoolSpec; readonly allowDownloads: boolean },
    onStaging: (staging: Staging) => void,
  ): Promise<Verified>;
  /** `exited` is called once for a process that was made, after this has resolved. */
  spawn(launch: Launch, reports: Reports): Promise<Result<EngineIdentity, ExitEvidence>>;
  /** The process of a launch that an earlier supervisor wrote down; null where there is none, and then its tree is gone or has had SIGKILL. */
  seek(launch: Launch, reports: Reports): Promise<EngineIdentity | null>;
  /** Watches an engine of an earlier supervisor. False: it is gone. Then, and when it ends later, `exited` is called once, after this has resolved. */
  adopt(launch: Launch, identity: EngineIdentity, reports: Reports): Promise<boolean>;
  probe(launch: Launch, identity: EngineIdentity, ask: ProbeWish): Promise<ProbeResult>;
  /** One token; `unknown` where the engine cannot be asked for one. */
  generate(
    launch: Launch,
    timeoutMs: number,
  ): Promise<{ readonly verdict: 'ok' | 'failed' | 'unknown'; readonly detail: string }>;
  /** Running and waiting requests; null where the answer did not come. */
  poll(
    launch: Launch,
  ): Promise<{ readonly inflight: number | null; readonly counters: PerfCounters | null; readonly canTell: boolean }>;
  /** The devices as they are now. */
  observe(): Promise<DevicesObservation>;
  /** `ordered`: nobody will ask why it ended. */
  signal(launch: Launch, identity: EngineIdentity, rung: 'term' | 'kill', ordered: boolean): void;
  sweep(launch: Launch, identity: EngineIdentity, mode: 'look' | 'kill' | 'strays'): Promise<readonly number[]>;
  /** At once, so that it is done before anything is told. */
  writeHandoff(launch: Launch, facts: HandoffFacts): void;
  removeHandoff(key: ReplicaKey): void;
  end(exit: number): void;
};

/**
 * Effects of one step run in order. What follows a `record` waits for it, but for a check, which changes nothing, and for handoff files, which are
 * as they must be before anything is told; a spawn waits for the last one of any step that had more to do; and what comes later for the same
 * replica waits behind that, so no signal overtakes a spawn. A record that nobody waits for need not go out at once: a hundred engines that come
 * up one after another are written down together.
 */
export function makePerform(hands: Hands): Perform {
  const lanes = new Map<string, Promise<void>>();
  let recorded: Promise<void> | null = null;

  return (effects, give) => {
    let barrier: Promise<void> | null = null;
    const isAwaited = effects.some((effect) => effect.type !== 'record' && !isHandoff(effect));
    for (const effect of effects) {
      if (effect.type === 'record') {
        if (!isAwaited) hands.touch();
        else {
          barrier = hands.record();
          recorded = barrier;
        }
        continue;
      }
      if (isHandoff(effect)) {
        act(effect, give);
        continue;
      }
      const lane = laneOf(effect);
      const disk = effect.type === 'spawn' ? recorded : effect.type === 'check' || effect.type === 'verify' ? null : barrier;
      const before = [lanes.get(lane), disk].filter((each) => each != null);
      if (before.length === 0) {
        act(effect, give);
        continue;
      }
      const done: Promise<void> = Promise.all(before).then(() => {
        if (lanes.get(lane) === done) lanes.delete(lane);
        act(effect, give);
      });
      lanes.set(lane, done);
    }
  };

  function act(effect: Exclude<Effect, { type: 'record' }>, give: (input: Input) => void): void {
    switch (effect.type) {
      case 'check': {
        const { key, check } = effect.launch;
        return void hands
          .check(effect.launch, (staging) => give({ type: 'staging', key, check, staging }))
          .then((facts) => give({ type: 'checked', key, check, ...facts }));
      }
      case 'verify':
        return void hands
          .verify(effect, (staging) =>
            give({ type: 'verifying', poolId: effect.poolId, operationId: effect.operationId, staging }),
          )
          .then((found) => give({ type: 'verified', poolId: effect.poolId, operationId: effect.operationId, ...found }));
      case 'spawn': {
        const { key, incarnation } = effect.launch;
        const reports = reportsOf(effect.launch, give);
        return void hands.spawn(effect.launch, reports).then((made) => {
          if (made.ok) give({ type: 'spawned', key, incarnation, identity: made.value });
          else reports.exited(made.error, true);
        });
      }
      case 'seek': {
        const { key, incarnation } = effect.launch;
        return void hands
          .seek(effect.launch, reportsOf(effect.launch, give))
          .then((identity) =>
            give(identity === null ? { type: 'unspawned', key, incarnation } : { type: 'spawned', key, incarnation, identity }),
          );
      }
      case 'adopt': {
        const { key, incarnation } = effect.launch;
        return void hands.adopt(effect.launch, effect.identity, reportsOf(effect.launch, give)).then((lives) => {
          if (lives) give({ type: 'adopted', key, incarnation });
        });
      }
      case 'generate': {
        const { key, incarnation } = effect.launch;
        return void hands
          .generate(effect.launch, effect.timeoutMs)
          .then((answer) => give({ type: 'generated', key, incarnation, ...answer }));
      }
      case 'probe': {
        const { key, incarnation } = effect.launch;
        return void hands
          .probe(effect.launch, effect.identity, effect)
          .then((result) => give({ type: 'probed', key, incarnation, result }));
      }
      case 'poll': {
        const { key, incarnation } = effect.launch;
        return void hands.poll(effect.launch).then((answer) => give({ type: 'polled', key, incarnation, ...answer }));
      }
      case 'observe':
        return void hands.observe().then((observation) => give({ type: 'devices-observed', observation }));
      case 'sweep': {
        const { key, incarnation } = effect.launch;
        return void hands
          .sweep(effect.launch, effect.identity, effect.mode)
          .then((left) => give({ type: 'swept', key, incarnation, left }));
      }
      case 'signal':
        hands.signal(effect.launch, effect.identity, effect.rung, effect.ordered);
        return;
      case 'write-handoff':
        hands.writeHandoff(effect.launch, effect.facts);
        return;
      case 'remove-handoff':
        hands.removeHandoff(effect.key);
        return;
      case 'end':
        hands.end(effect.exit);
        return;
    }
  }
}

function reportsOf({ key, incarnation }: Launch, give: (input: Input) => void): Reports {
  return {
    died: () => give({ type: 'died', key, incarnation }),
    exited: (exit, empty) => give({ type: 'exited', key, incarnation, exit, empty }),
    alarmed: (alarm) => give({ type: 'alarmed', key, incarnation, alarm }),
    offloaded: (offload) => give({ type: 'offloaded', key, incarnation, offload }),
  };
}

function isHandoff(effect: Effect): effect is Extract<Effect, { type: 'write-handoff' | 'remove-handoff' }> {
  return effect.type === 'write-handoff' || effect.type === 'remove-handoff';
}

function laneOf(effect: Exclude<Effect, { type: 'record' }>): string {
  return 'launch' in effect ? effect.launch.key : 'key' in effect ? effect.key : '';
}
