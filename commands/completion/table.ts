/**
 * What can stand where on a command line, for completion, which may not wait until commander and every command are loaded. A test holds it to
 * what commander knows, both ways.
 */

/**
 * What is named: pools; those of the inventory, which need not run; pools and replicas, also `all`; pools and replicas; leases; files; directories; programs; pages of the manual; words;
 * or null: anything.
 */
export type Named =
  | 'pool'
  | 'planned'
  | 'selector'
  | 'place'
  | 'lease'
  | 'file'
  | 'directory'
  | 'program'
  | 'topic'
  | readonly string[]
  | null;

/** A switch has no `value`; `short` is its other name. */
export type Option = { readonly short?: string; readonly value?: Named };

export type Line = {
  readonly about: string;
  /** In their order. */
  readonly operands?: readonly Named[];
  /** The last of them may come again. */
  readonly repeated?: true;
  readonly options?: Readonly<Record<string, Option>>;
  /** Instead of operands: what comes next is one of these. */
  readonly below?: Readonly<Record<string, Line>>;
};

const flag: Option = {};
const text: Option = { value: null };
const oneOf = (...words: readonly string[]): Option => ({ value: words });

export const everywhere: Readonly<Record<string, Option>> = {
  '--file': { short: '-f', value: 'file' },
  '--socket': { short: '-s', value: 'file' },
  '--state-dir': { value: 'directory' },
  '--json': flag,
  '--quiet': { short: '-q' },
  '--verbose': { short: '-v' },
  '--color': oneOf('auto', 'always', 'never'),
  '--no-color': flag,
  '--help': { short: '-h' },
};

const patience = { '--no-wait': flag, '--timeout': text };

export const lines: Readonly<Record<string, Line>> = {
  up: {
    about: 'run the supervisor in the foreground; pools not named stay stopped',
    operands: ['planned'],
    repeated: true,
    options: {
      '--log-format': oneOf('auto', 'pretty', 'json'),
      '--log-level': oneOf('debug', 'info', 'warn', 'error', 'critical'),
      '--dry-run': flag,
      '--exit-on': oneOf('all-failed', 'never'),
    },
  },
  down: {
    about: 'drain and stop every engine, and end the supervisor; waits until it has; exit 5 when a drain was forced',
    options: { '--deadline': text, '--now': flag, '--keep-engines': flag },
  },
  status: {
    about: 'what runs, and why what does not run does not; exit 3 unless all wanted replicas are ready',
    operands: ['selector'],
    repeated: true,
    options: { '--watch': { short: '-w' }, '--read-only': flag },
  },
  top: {
    about: 'the live view: what runs, why what does not run does not, and the keys to act on it',
    operands: ['selector'],
    repeated: true,
    options: { '--read-only': flag },
  },
  drain: {
    about: 'give no new leases, wait for those held and for running requests, then stop the engine; exit 5 when forced',
    operands: ['selector'],
    repeated: true,
    options: { '--deadline': text, '--extend': text, '--no-wait': flag },
  },
  start: {
    about: 'launch at once; from stopped, backoff and failed too',
    operands: ['selector'],
    repeated: true,
    options: patience,
  },
  stop: {
    about: 'stop the engine: its stop signal, its grace, SIGKILL',
    operands: ['selector'],
    repeated: true,
    options: patience,
  },
  restart: {
    about: 'drain, stop and start again, one replica after another',
    operands: ['selector'],
    repeated: true,
    options: { '--deadline': text, '--now': flag, ...patience },
  },
  reload: {
    about: 'switch the model of every replica of a pool, or of none; exit 9 when it was rolled back',
    operands: ['pool'],
    options: { '--model': { value: 'file' }, '--digest': text, '--deadline': text, '--no-wait': flag },
  },
  reset: {
    about: 'close breakers, end waits, forget permanent failures, and start',
    operands: ['selector'],
    repeated: true,
    options: { '--once': flag, ...patience },
  },
  apply: { about: 'read pools.yaml anew, and carry out what has changed in it', options: { '--dry-run': flag } },
  wait: {
    about: 'block until all of them are ready, drained, stopped or failed; exit 3 when that cannot come any more',
    operands: ['selector'],
    repeated: true,
    options: { '--for': oneOf('ready', 'drained', 'stopped', 'failed'), '--timeout': text },
  },
  lease: {
    about: 'claims on slots: get one, keep it, give it back, run a command under one',
    below: {
      acquire: {
        about: 'lease a slot of a pool (POOL) or of one replica (POOL/rN)',
        operands: ['place'],
        options: { '--ttl': text, '--holder': text, '--wait': text },
      },
      renew: { about: 'keep a lease for as long again, from now on', operands: ['lease'], options: { '--ttl': text } },
      release: { about: 'give a lease back; no harm where it is gone already', operands: ['lease'] },
      list: { about: 'who has leases, and for how long', operands: ['pool'] },
      run: {
        about: 'run a command under a lease: poolctl lease run POOL -- COMMAND ...; $POOLCTL_URL says where to',
        operands: ['place', 'program', 'file'],
        repeated: true,
        options: { '--holder': text, '--wait': text },
      },
    },
  },
  logs: {
    about: "the engines' output; works without a supervisor",
    operands: ['selector'],
    repeated: true,
    options: { '--follow': { short: '-f' }, '--lines': { short: '-n', value: null }, '--previous': flag },
  },
  events: {
    about: 'what happened; works without a supervisor',
    options: { '--follow': { short: '-f' }, '--since': text },
  },
  devices: { about: 'GPUs with their masks, memory, and who uses them' },
  check: {
    about: 'validate the inventory; exit 4 when it cannot be used',
    operands: ['file'],
    options: { '--no-host': flag },
  },
  plan: {
    about: 'what exactly up would execute: argv, environment, masks, ports, deadlines; nothing is started',
    operands: ['planned'],
    repeated: true,
  },
  init: {
    about: 'look for GPUs, engines and models, and write a pools.yaml that fits this machine',
    options: { '--models': { value: 'directory' }, '--stdout': flag, '--force': flag, '--yes': flag },
  },
  diagnose: {
    about: 'why did this engine die? reads its log from a file or from stdin; needs no supervisor',
    operands: ['file'],
    options: {
      '--exit-code': text,
      '--signal': oneOf('SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGTERM', 'SIGINT'),
      '--engine': oneOf('llamacpp', 'vllm', 'sglang', 'command', 'demo'),
    },
  },
  doctor: {
    about: 'is the machine right? GPUs, limits, leftovers, ports, directories, engines; exit 3 when something is not',
  },
  schema: { about: 'the JSON Schema of pools.yaml, for editors' },
  completion: { about: 'print what makes a shell complete command lines of poolctl', operands: [['bash', 'zsh', 'fish']] },
  help: { about: 'the manual: of a command, or of pools.yaml, api, errors', operands: ['topic'] },
};
