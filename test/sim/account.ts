/** One replica's account in the ledger. */

export const breakerNames = ['general', 'cuda'] as const;

export type Breaker = {
  readonly state: 'closed' | 'open' | 'half-open';
  readonly failures: number;
  /** While it is open. */
  readonly until: number;
  readonly openForMs: number;
};

export type Account = {
  goal: 'up' | 'down';
  /** The next launch was asked for, or comes of the supervisor's own start: it is no restart. */
  excused: boolean;
  permanent: string | null;
  /** Restarts since the last stable run. */
  attempt: number;
  readySince: number | null;
  /** Whether the present configuration was ever ready. */
  proven: boolean;
  notBefore: number;
  /** Whose failure has been counted: an exit that one supervisor saw and the next sees again is one. */
  failedIncarnation: number;
  /** The last failure was a GPU's or its driver's. */
  gpu: boolean;
  readonly breakers: Record<(typeof breakerNames)[number], Breaker>;
  /** Of its whole life. */
  crashes: number;
  restarts: number;
  /** A launch that has been ordered, and whose process is not made yet; `restart` is null where it was asked for. */
  pending: {
    readonly restart: { readonly at: number; readonly gpu: boolean } | null;
    readonly devices: readonly string[];
  } | null;
  /** As it was before the last failure: one that is permanent opens no breaker and makes no wait. */
  before: Pick<Account, 'attempt' | 'breakers'> | null;
};

/** What outlives its place. */
export type Lifetime = Pick<Account, 'crashes' | 'restarts'>;

const closed: Breaker = { state: 'closed', failures: 0, until: 0, openForMs: 0 };

export function fresh(up: boolean): Account {
  return {
    goal: up ? 'up' : 'down',
    excused: true,
    permanent: null,
    attempt: 0,
    readySince: null,
    proven: false,
    notBefore: 0,
    failedIncarnation: 0,
    gpu: false,
    breakers: { general: closed, cuda: closed },
    crashes: 0,
    restarts: 0,
    pending: null,
    before: null,
  };
}

export function copyOf(account: Account): Account {
  return { ...account, breakers: { general: { ...account.breakers.general }, cuda: { ...account.breakers.cuda } } };
}

/** With its old model again; one that is ready with it has proven that it works. */
export function asBefore(before: Account, { goal, failedIncarnation, crashes, restarts, pending, readySince }: Account): Account {
  const proven = before.proven || readySince !== null;
  return { ...copyOf(before), goal, failedIncarnation, crashes, restarts, pending, readySince, proven, excused: true };
}

/** With another model, which has earned nothing yet. */
export function renewed({ goal, excused, readySince, failedIncarnation, crashes, restarts, pending }: Account): Account {
  const proven = readySince !== null;
  return { ...fresh(true), goal, excused, readySince, failedIncarnation, crashes, restarts, pending, proven };
}
