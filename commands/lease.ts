import type { Command } from 'commander';
import type { LeaseView } from '../src/api/wire.js';
import { PoolctlError } from '../src/errors.js';
import { inForeground, watchTerminal } from '../src/host/terminal.js';
import { resolveTargets } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { durationOf } from './ask/values.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { acquire, holderHere, targetOf } from './lease/acquire.js';
import { leaseLine, leaseTable, leaseText } from './lease/render.js';
import { runUnder } from './lease/under.js';

/** Renewed three times in its life: one renewal may be late. */
const runTtlMs = 30_000;
const longestTtlMs = 86_400_000;
const runRenewEveryMs = 10_000;

type Asked = { readonly ttl?: string; readonly holder?: string; readonly wait?: string };

export function lease(program: Command, cli: Cli): void {
  const group = program
    .command('lease')
    .description('claims on slots: get one, keep it, give it back, run a command under one')
    .helpCommand(false);
  group
    .command('acquire <pool>')
    .description('lease a slot of a pool (POOL) or of one replica (POOL/rN)')
    .option('--ttl <duration>', 'it expires after this long unless it is renewed (default: 60s)')
    .option('--holder <text>', 'who has it, for people (default: user, machine and process)')
    .option('--wait <duration>', 'where there is none, try again for this long')
    .action((pool: string, asked: Asked, command: Command) => acquireOne(pool, asked, globalsOf(command), cli));
  group
    .command('renew <lease>')
    .description('keep a lease for as long again, from now on')
    .option('--ttl <duration>', 'for this long (default: as it was acquired)')
    .action(async (id: string, { ttl }: Asked, command: Command) => {
      const globals = globalsOf(command);
      const ttlMs = durationOf(ttl, '--ttl');
      show(await clientOf(cli, globals, `renew lease "${id}"`).renewLease(id, ttlMs), 'renewed', globals, cli);
    });
  group
    .command('release <lease>')
    .description('give a lease back; no harm where it is gone already')
    .action(async (id: string, _: unknown, command: Command) => {
      const globals = globalsOf(command);
      await clientOf(cli, globals, `release lease "${id}"`).releaseLease(id);
      if (globals.json) cli.stdout(`${JSON.stringify({ lease_id: id })}\n`);
      else if (!globals.quiet) cli.stdout(`lease ${id} given back\n`);
    });
  group
    .command('list [pool]')
    .description('who has leases, and for how long')
    .action((pool: string | undefined, _: unknown, command: Command) => list(pool, globalsOf(command), cli));
  group
    .command('run <pool> <command...>')
    .description('run a command under a lease: poolctl lease run POOL -- COMMAND ...; $POOLCTL_URL says where to')
    .option('--holder <text>', 'who has it, for people (default: user, machine and process)')
    .option('--wait <duration>', 'where there is none, try again for this long')
    .passThroughOptions()
    .action((pool: string, words: string[], asked: Asked, command: Command) => run(pool, words, asked, globalsOf(command), cli));
}

async function acquireOne(pool: string, { ttl, holder, wait }: Asked, globals: Globals, cli: Cli): Promise<void> {
  const ttl_ms = durationOf(ttl, '--ttl');
  if (ttl_ms !== undefined && (ttl_ms < 1 || ttl_ms > longestTtlMs))
    throw new PoolctlError('USAGE', `cannot use --ttl "${ttl}": it must be longer than 0, and at most 24h`);
  // It will be used by who started us.
  const granted = await granting(
    pool,
    'lease acquire',
    { ttl_ms, holder: holder ?? holderHere(process.ppid) },
    wait,
    globals,
    cli,
  );
  if (granted !== null) show(granted, 'leased', globals, cli);
}

async function run(pool: string, words: readonly string[], asked: Asked, globals: Globals, cli: Cli): Promise<void> {
  const argv = words[0] === '--' ? words.slice(1) : words;
  const [program] = argv;
  if (program === undefined || (program.startsWith('-') && argv === words)) {
    const wrong = program === undefined ? 'there is no command' : `"${program}" must stand before the pool`;
    throw new PoolctlError('USAGE', `cannot run under a lease of "${pool}": ${wrong}`, {
      hint: `poolctl lease run ${pool} -- COMMAND ...`,
    });
  }
  const lost = watchTerminal();
  const wish = { ttl_ms: runTtlMs, holder: asked.holder ?? holderHere(process.pid) };
  const granted = await granting(pool, 'lease run', wish, asked.wait, globals, cli);
  if (granted === null) return;
  const status = await runUnder({
    client: clientOf(cli, globals, 'renew the lease'),
    lease: granted,
    argv,
    env: cli.env,
    renewEveryMs: runRenewEveryMs,
    signals: process,
    // The keys of a terminal, and its end, reach all that runs in its foreground. Who sends by number means us alone.
    reachedBoth: (signal) => signal !== 'SIGTERM' && (inForeground() || lost()),
    tell: (text) => cli.stderr(text),
  });
  cli.exit(status);
}

/** Null where Ctrl-C came first; that is told. */
async function granting(
  pool: string,
  verb: string,
  wish: { readonly ttl_ms: number | undefined; readonly holder: string },
  wait: string | undefined,
  globals: Globals,
  cli: Cli,
): Promise<LeaseView | null> {
  const waitMs = durationOf(wait, '--wait') ?? 0;
  const client = clientOf(cli, globals, `lease "${pool}"`);
  const target = await targetOf(client, pool, verb);
  const interrupted = cli.interruption();
  const tell = (text: string): void => (globals.quiet ? undefined : cli.stderr(text));
  const granted = await acquire(client, target, wish, { waitMs, interrupted, tell });
  if (granted !== null) return granted;
  cli.stderr(`stopped waiting for a lease of ${pool}; none is held\n`);
  cli.exit(130);
  return null;
}

async function list(pool: string | undefined, globals: Globals, cli: Cli): Promise<void> {
  const client = clientOf(cli, globals, pool === undefined ? 'list the leases' : `list the leases of "${pool}"`);
  const targets = pool === undefined || pool === 'all' ? [] : resolveTargets([pool], (await client.status()).pools, 'lease list');
  const [target] = targets;
  const held = await client.leases(target?.poolId ?? null);
  const replicaId = target?.replicaId ?? null;
  const leases = replicaId === null ? held : held.filter(({ replica_id }) => replica_id === replicaId);
  if (globals.json) cli.stdout(`${JSON.stringify({ leases })}\n`);
  else if (leases.length > 0) cli.stdout(leaseTable(leases, cli.now()));
  else if (!globals.quiet) cli.stderr('no lease is held\n');
}

function show(held: LeaseView, deed: 'leased' | 'renewed', { json, quiet }: Globals, cli: Cli): void {
  cli.stdout(json ? `${JSON.stringify(held)}\n` : quiet ? leaseLine(held) : leaseText(held, deed));
}
