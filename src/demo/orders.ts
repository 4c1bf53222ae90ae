/** What the demo engine can be told to do, at its start and while it runs: one table, which parses, documents and carries out. */

import { constants } from 'node:os';
import { milliseconds } from './duration.js';
import { type Condition, conditions, type Life } from './life.js';

export type Order = {
  /** As it was written. */
  readonly text: string;
  readonly afterMs: number;
  /** Only an engine whose model's reference holds this carries it out; null: any. */
  readonly model: string | null;
  /** True when it ends the process, so that a caller has to be answered before. */
  readonly ends: boolean;
  /** Carries it out now; the answer has what the caller may want to know. */
  carryOut(life: Life): Readonly<Record<string, unknown>>;
};

type Params = {
  text(name: string): string | null;
  flag(name: string): boolean;
  count(name: string, otherwise: number): number;
  duration(name: string): number | null;
};
type Deed = (life: Life) => Readonly<Record<string, unknown>>;
type Kind = {
  readonly params: readonly string[];
  readonly help: string;
  readonly ends?: true;
  /** Reads the parameters, throwing a RangeError with a sentence, before anything is done. */
  deed(params: Params): Deed;
};

const kinds: Readonly<Record<string, Kind>> = {
  crash: {
    params: ['code', 'signal'],
    help: 'end at once: with exit status CODE (1), or by SIGNAL (SIGSEGV, SIGKILL, …)',
    ends: true,
    deed(params) {
      const code = params.count('code', 1);
      const signal = signalName(params.text('signal'));
      return (life) => (signal === null ? life.end(code) : life.endBy(signal));
    },
  },
  exit: {
    params: [],
    help: 'end at once with status 0, unasked',
    ends: true,
    deed: () => (life) => life.end(0),
  },
  hang: {
    params: ['for'],
    help: 'keep the port open and answer nothing but orders, until healthy, or for=DURATION',
    deed: (params) => condition('hanging', params),
  },
  unhealthy: {
    params: ['for'],
    help: 'answer 503 on /health and go on with the rest, until healthy, or for=DURATION',
    deed: (params) => condition('unhealthy', params),
  },
  'hang-health': {
    params: ['for'],
    help: 'answer nothing on /health and go on with the rest, requests among it, until healthy, or for=DURATION',
    deed: (params) => condition('healthHanging', params),
  },
  mute: {
    params: ['for'],
    help: 'take requests and make no token, and answer the rest, until healthy, or for=DURATION',
    deed: (params) => condition('mute', params),
  },
  dead: {
    params: ['for'],
    help: 'say by 500 on /health that no answer will come any more, until healthy, or for=DURATION',
    deed: (params) => condition('dead', params),
  },
  healthy: {
    params: [],
    help: 'neither hang, nor be mute, unhealthy or dead any more',
    deed: () => (life) => {
      for (const name of conditions) life[name] = false;
      return {};
    },
  },
  refuse: {
    params: ['for'],
    help: 'close the port and live on, for=DURATION (for ever: no order comes through either); requests that run go on',
    deed(params) {
      const ms = params.duration('for');
      return (life) => life.refuse(ms);
    },
  },
  'gpu-error': {
    params: ['text'],
    help: 'log TEXT as an error of its own (CUDA error: an illegal memory access was encountered) and live on',
    deed(params) {
      const text = params.text('text') ?? 'CUDA error: an illegal memory access was encountered';
      return (life) => life.complain(text);
    },
  },
  load: {
    params: ['time'],
    help: 'be loading again, for time=DURATION (the --load-time)',
    deed(params) {
      const time = params.duration('time');
      return (life) => life.load(time);
    },
  },
  print: {
    params: ['text', 'times', 'stdout'],
    help: 'put TEXT (%0A is a line break) into the log as it stands, TIMES times (1); stdout: there instead of on stderr',
    deed(params) {
      const text = params.text('text') ?? '';
      const times = params.count('times', 1);
      const toStdout = params.flag('stdout');
      return (life) => life.print(text.endsWith('\n') ? text : `${text}\n`, times, toStdout);
    },
  },
  'ignore-term': {
    params: [],
    help: 'let SIGTERM and SIGINT do nothing',
    deed: () => (life) => life.onTerm('ignore'),
  },
  'obey-term': {
    params: ['delay', 'code'],
    help: 'at SIGTERM end after delay=DURATION (0) with status CODE (0)',
    deed(params) {
      const answer = { delayMs: params.duration('delay') ?? 0, code: params.count('code', 0) };
      return (life) => life.onTerm(answer);
    },
  },
  leak: {
    params: ['setsid', 'ignore-term', 'wipe-env', 'close-log', 'for'],
    help: 'start a child that outlives it, for=DURATION at most (10m): in a session of its own (setsid), deaf to SIGTERM, without\n      environment, without its log open',
    deed(params) {
      const child = {
        setsid: params.flag('setsid'),
        ignoreTerm: params.flag('ignore-term'),
        wipeEnv: params.flag('wipe-env'),
        closeLog: params.flag('close-log'),
        lifeMs: params.duration('for') ?? 600_000,
      };
      return (life) => ({ pid: life.leak(child) });
    },
  },
};

function condition(name: Condition, params: Params): Deed {
  const ms = params.duration('for');
  return (life) => {
    life[name] = true;
    if (ms !== null) {
      setTimeout(() => {
        life[name] = false;
      }, ms);
    }
    return {};
  };
}

/** What every order takes. */
const everywhere: readonly string[] = ['after', 'model'];

/** "crash?code=3&after=500ms", written like the end of a URL. Throws a RangeError with a sentence for what makes no sense. */
export function parseOrder(text: string): Order {
  const [name = '', query = ''] = text.split(/\?(.*)/s);
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw new RangeError(`there is no order "${name}", only ${Object.keys(kinds).join(', ')}`);
  const search = new URLSearchParams(query);
  for (const given of search.keys()) {
    if (!everywhere.includes(given) && !kind.params.includes(given)) {
      throw new RangeError(`the order "${name}" takes ${[...kind.params, ...everywhere].join(', ')}, not "${given}"`);
    }
  }
  const params = paramsOf(search);
  return {
    text,
    afterMs: params.duration('after') ?? 0,
    model: params.text('model'),
    ends: kind.ends ?? false,
    carryOut: kind.deed(params),
  };
}

function paramsOf(search: URLSearchParams): Params {
  const text = (name: string) => search.get(name);
  return {
    text,
    flag: (name) => !['0', 'false', null].includes(text(name)),
    count(name, otherwise) {
      const value = Number(text(name) ?? otherwise);
      if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} takes a whole number, not "${text(name)}"`);
      return value;
    },
    duration(name) {
      const value = text(name);
      return value === null ? null : milliseconds(name, value);
    },
  };
}

function signalName(text: string | null): NodeJS.Signals | null {
  if (text === null) return null;
  if (!Object.hasOwn(constants.signals, text)) throw new RangeError(`there is no signal "${text}"; SIGSEGV is one`);
  return text as NodeJS.Signals;
}

/** A line or two for each, for --help. */
export function orderHelp(): string {
  return Object.entries(kinds)
    .map(([name, { params, help }]) => `  ${name}${params.length === 0 ? '' : `  (${params.join(', ')})`}\n      ${help}\n`)
    .join('');
}
