/** The life of an engine, as a value: one variant for each state, which holds exactly what is true then. */

import type { Alarm, Description, EngineIdentity, ExitEvidence, Work } from './facts.js';
import type { Launch } from './messages.js';
import type { Instant, Moment } from './model.js';
import type { Perf } from './perf.js';
import type { Staged } from './progress.js';
import type { Streak } from './readiness.js';

/** A live engine process: what was launched, and how it is known again. */
export type Engine = {
  readonly launch: Launch;
  readonly identity: EngineIdentity;
  readonly startedAt: Moment;
  /** As it told once it was ready; null: it has not, or cannot. */
  readonly version: string | null;
  /** It was launched by an earlier supervisor: nobody will see its exit code. */
  readonly adopted: boolean;
};

/** Why an engine is being ended by us. Decides what its exit means: an exit that we asked for is no crash. */
export type Intent =
  /** Somebody wants it stopped, or restarted: the goal tells which. */
  | { readonly kind: 'asked' }
  /** Its drain is over. `forced`: by its deadline, with leases or requests left. */
  | { readonly kind: 'drained'; readonly forced: boolean; readonly afterMs: number }
  /** Not healthy by its startup deadline. */
  | { readonly kind: 'deadline'; readonly afterMs: number; readonly detail: string }
  /** Unhealthy for `restart_after`. */
  | { readonly kind: 'unhealthy'; readonly afterMs: number; readonly detail: string }
  /** Its log tells of a GPU or driver error that only a new process cures. */
  | { readonly kind: 'sick'; readonly alarm: Alarm; readonly wasReady: boolean }
  /** It died under an earlier supervisor, and who had left its group by then has not been looked for. */
  | { readonly kind: 'strays' }
  /** Left by an earlier supervisor, and not to be adopted. */
  | { readonly kind: 'replaced'; readonly why: string }
  /** The leader died unasked and left members of its group behind, who must go first. */
  | {
      readonly kind: 'crashed';
      /** Null while it is still being found out. */
      readonly exit: ExitEvidence | null;
      readonly wasReady: boolean;
      readonly endedAt: Moment;
    };

/** When to probe next; `at` is null while a probe is out. */
export type Probing = { readonly at: Instant | null; readonly startedAt: Instant };

/** When to ask for running requests next; `at` is null while a question is out, and where it is never asked. */
export type Polling = {
  readonly at: Instant | null;
  readonly out: boolean;
  /** When it last said how many there are. */
  readonly toldAt: Instant | null;
  /** It never can say. */
  readonly mute: boolean;
};

/** What is true of an engine that serves or has served. */
export type Serving = {
  readonly engine: Engine;
  readonly readyAt: Moment;
  readonly description: Description;
  readonly probing: Probing;
  readonly streak: Streak;
  readonly lastHeartbeatWallMs: number | null;
  /** Null: not asked, or unknown. */
  readonly inflight: number | null;
  readonly polling: Polling;
  readonly perf: Perf;
  /** Where it is against its mask, or is missing; null: it is where it should be, as far as anybody knows. */
  readonly misplaced: string | null;
  /** When to have it make a token; null: never, or one is being made. */
  readonly generateAt: Instant | null;
} & Rewards;

/** When ready time earns what; null once it has, and while the engine is unhealthy. */
export type Rewards = {
  /** Clears attempts and crash_count. */
  readonly stableAt: Instant | null;
  /** Clears restart_count. */
  readonly calmAt: Instant | null;
  /** Closes the breakers and clears their counts. */
  readonly closeAt: Instant | null;
};

/** What makes an engine unhealthy, and so what makes it well again: good probes, a token, or nothing. */
export type Sickness =
  | { readonly kind: 'probes' }
  | { readonly kind: 'silent' }
  /** A GPU error that may be harmless: one token decides. */
  | { readonly kind: 'suspect'; readonly alarm: Alarm }
  | { readonly kind: 'sticky'; readonly alarm: Alarm };

/** What was known of an engine that served under an earlier supervisor. */
export type Resumed = Pick<Serving, 'readyAt' | 'description'> & {
  /** Null: it was unhealthy, and ready time begins anew. */
  readonly rewards: Rewards | null;
  /** It was being drained, and is to be stopped by then. @default null */
  readonly drainBy?: Instant | null;
};

/** What a drain found, for the case that it is cancelled. */
export type Illness = { readonly sickness: Sickness; readonly detail: string };

/** What a launch is for, through all the waits that it meets. */
export type LaunchCause = 'operator' | 'reload' | 'apply' | 'start' | 'crash' | 'health';

/** Where a replica is in the life of an engine. A variant holds exactly what is true then. */
export type Life =
  | { readonly state: 'stopped'; readonly why: string | null }
  | { readonly state: 'preparing'; readonly cause: LaunchCause; readonly since: Instant; readonly phase: 'queued' }
  | {
      readonly state: 'preparing';
      readonly cause: LaunchCause;
      readonly since: Instant;
      readonly phase: 'checking';
      readonly launch: Launch;
      readonly deadline: Instant;
      /** Its model is on its way; null: it is not, as far as is known. */
      readonly staged: Staged | null;
    }
  | {
      readonly state: 'preparing';
      readonly cause: LaunchCause;
      readonly since: Instant;
      readonly phase: 'spawning';
      readonly launch: Launch;
      readonly startupDeadlineMs: number;
      readonly portKnownFree: boolean;
      /** Its slots, where its entry or its arguments tell. */
      readonly toldSlots: number | null;
      /**
       * Written down by an earlier supervisor, and looked for now. `refusal`: why it is not to be adopted when it is found; `entry`: of the
       * inventory's entry that it was launched with; null: as it is now, since policies have changed meanwhile.
       */
      readonly sought: { readonly refusal: string | null; readonly entry: string | null } | null;
    }
  | {
      readonly state: 'starting';
      readonly engine: Engine;
      readonly deadline: Instant;
      /** Where a visibly working engine may be given more time: the last instant. Equal to `deadline` where the user named one. */
      readonly lastDeadline: Instant;
      readonly startupDeadlineMs: number;
      readonly portKnownFree: boolean;
      /** Its slots, where its entry or its arguments tell. */
      readonly toldSlots: number | null;
      readonly probing: Probing;
      readonly progress: { readonly value: number; readonly at: Instant } | null;
      /** Set when it served under an earlier supervisor: one good probe and it is ready again, and it has a serving engine's patience. */
      readonly resumed: Resumed | null;
      readonly misses: number;
      /** Passes its probes since then, and is not taken for ready before it has for long enough; null: it does not. */
      readonly healthySince: Instant | null;
      /** The last probe's answer, for people. */
      readonly detail: string | null;
    }
  | ({ readonly state: 'ready' } & Serving)
  | ({
      readonly state: 'unhealthy';
      readonly since: Instant;
      readonly detail: string;
      readonly sickness: Sickness;
      readonly restartAt: Instant | null;
      /** What it had done by the last probe, and when that last grew. */
      readonly work: { readonly done: Work; readonly grewAt: Instant | null } | null;
      /** It refuses connections, or says itself that it is dead. */
      readonly dead: boolean;
    } & Serving)
  /** Takes no leases any more; ends when those that it has are given back and no request runs, or at its deadline. */
  | ({
      readonly state: 'draining';
      readonly since: Instant;
      readonly deadline: Instant;
      /** At its deadline it is given up, and the engine serves on. */
      readonly yields: boolean;
      /** It was unhealthy when the drain began, or its log has told of an error since. */
      readonly illness: Illness | null;
    } & Serving)
  | {
      readonly state: 'stopping';
      readonly engine: Engine;
      readonly intent: Intent;
      readonly rung: 'term' | 'kill';
      /** When the next rung comes: SIGKILL, then `stuck`. */
      readonly deadline: Instant;
      /** The leader's exit, once it is seen; null while it lives. */
      readonly exit: ExitEvidence | null;
      readonly left: readonly number[];
      readonly sweepAt: Instant | null;
    }
  | {
      readonly state: 'backoff';
      readonly retry: { readonly at: Moment; readonly delayMs: number; readonly attempt: number };
      readonly cause: LaunchCause;
      readonly why: string;
    }
  | {
      readonly state: 'broken';
      readonly retryAt: Moment;
      readonly cause: LaunchCause;
      readonly why: string;
    }
  | { readonly state: 'failed'; readonly why: string }
  | {
      readonly state: 'stuck';
      readonly engine: Engine;
      readonly intent: Intent;
      readonly exit: ExitEvidence | null;
      readonly left: readonly number[];
      readonly sweepAt: Instant | null;
    };

export type StateName = Life['state'];

/** True while a process of this replica may exist. */
export function isLive(life: Life): life is Extract<Life, { engine: Engine }> {
  return 'engine' in life;
}

/** True from the preflight until there is a process. One whose model is on its way takes no memory yet, and no turn to load. */
export function isLaunching(life: Life): life is Extract<Life, { phase: 'checking' | 'spawning' }> {
  return life.state === 'preparing' && (life.phase === 'spawning' || (life.phase === 'checking' && life.staged === null));
}

/** True while it may have leases: it serves, or it did and may again. */
export function isServing(life: Life): life is Extract<Life, { state: 'ready' | 'unhealthy' | 'draining' }> {
  return life.state === 'ready' || life.state === 'unhealthy' || life.state === 'draining';
}

/** It goes as soon as nobody has anything of it any more, or at its deadline: it is drained, or its own log condemns it. */
export function isLeaving(life: Life): life is Extract<Life, { state: 'unhealthy' | 'draining' }> {
  return life.state === 'draining' || (life.state === 'unhealthy' && life.sickness.kind === 'sticky');
}

/** Until the engine that was drained has stopped. */
export function isDraining(life: Life): boolean {
  return life.state === 'draining' || (life.state === 'stopping' && life.intent.kind === 'drained');
}
