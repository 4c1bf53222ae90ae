/** A command that runs under a lease: renewed while it lives, given back when it has ended. */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../src/api/client.js';
import type { LeaseView } from '../../src/api/wire.js';
import { PoolctlError } from '../../src/errors.js';
import { oneLine } from '../../src/text/one-line.js';
import { span } from '../../src/text/time.js';

export type Under = {
  readonly client: Pick<Client, 'renewLease' | 'releaseLease'>;
  readonly lease: LeaseView;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly renewEveryMs: number;
  /** Where our own signals are heard: the process. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Whether the command has got this signal as we have: from the terminal. */
  readonly reachedBoth: (signal: NodeJS.Signals) => boolean;
  readonly tell: (text: string) => void;
};

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[];
/** A supervisor that does not answer must not keep a command from ending. */
const givingBackMs = 5_000;

/**
 * The exit status: the command's own, 128 + n where a signal ended it. Throws SPAWN_FAILED, with 127 or 126, where it cannot be run.
 * Either way the lease has then been given back.
 */
export async function runUnder(wish: Under): Promise<number> {
  const { client, lease, signals, reachedBoth, tell } = wish;
  let child: ChildProcess | null = null;
  const passOn = (signal: NodeJS.Signals): void => {
    if (!reachedBoth(signal)) child?.kill(signal);
  };
  // Until the lease is given back: a second Ctrl-C must not come between.
  for (const signal of passedOn) signals.on(signal, passOn);
  const ended = new AbortController();
  const keeping = keep(wish, ended.signal);
  try {
    return await run(wish, (made) => {
      child = made;
    });
  } finally {
    ended.abort();
    await keeping;
    await giveBack(client, lease, tell);
    for (const signal of passedOn) signals.off(signal, passOn);
  }
}

function run({ argv, env, lease }: Under, begun: (child: ChildProcess) => void): Promise<number> {
  const [program = '', ...args] = argv;
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'inherit',
      env: { ...env, POOLCTL_URL: lease.url, POOLCTL_LEASE_ID: lease.lease_id },
    });
    begun(child);
    // Of a command that runs, a signal that may not be sent is an error, too.
    child.on('error', (error) => (child.pid === undefined ? reject(error) : undefined));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).catch((error: NodeJS.ErrnoException) => {
    throw cannotRun(program, error);
  });
}

async function giveBack(client: Under['client'], { lease_id }: LeaseView, tell: Under['tell']): Promise<void> {
  await client.releaseLease(lease_id, AbortSignal.timeout(givingBackMs)).catch((error: unknown) => {
    // Without its supervisor there is no lease either.
    if (error instanceof PoolctlError && error.code === 'NO_SUPERVISOR') return;
    tell(`lease ${lease_id} could not be given back: ${wordsOf(error)}; it expires by itself\n`);
  });
}

/** As shells have it: 127 for a program that is not there, 126 for one that cannot be executed. */
function cannotRun(program: string, { code, message }: NodeJS.ErrnoException): PoolctlError {
  const what = `cannot run "${oneLine(program)}"`;
  const hint = 'poolctl lease run POOL -- COMMAND ...';
  if (code === 'ENOENT' || program === '')
    return new PoolctlError('SPAWN_FAILED', `${what}: there is no such program`, { hint, exit: 127 });
  if (code === 'EACCES') return new PoolctlError('SPAWN_FAILED', `${what}: it may not be executed`, { hint, exit: 126 });
  return new PoolctlError('SPAWN_FAILED', `${what}: ${message}`, { exit: 126 });
}

/** Renews until the command has ended or the lease is lost. Each absence of the supervisor is told once. */
async function keep({ client, lease, argv, renewEveryMs, tell }: Under, ended: AbortSignal): Promise<void> {
  const name = `lease ${lease.lease_id} of ${lease.pool_id}/${lease.replica_id}`;
  let away = false;
  for (;;) {
    await sleep(renewEveryMs, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    try {
      await client.renewLease(lease.lease_id, undefined, AbortSignal.any([ended, AbortSignal.timeout(renewEveryMs)]));
      away = false;
    } catch (error) {
      if (ended.aborted) return;
      if (error instanceof PoolctlError && error.code === 'LEASE_NOT_FOUND') {
        tell(
          `${name} is lost: it expired, or its engine or supervisor has ended; ${oneLine(argv[0] ?? '')} goes on without it\n`,
        );
        return;
      }
      if (!away) tell(`${name} cannot be renewed: ${wordsOf(error)}; tried again every ${span(renewEveryMs)}\n`);
      away = true;
    }
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof PoolctlError) return error.message;
  return error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name)
    ? 'the supervisor does not answer'
    : String(error);
}
