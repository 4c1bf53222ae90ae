/** The demo engine's command line. */

import { parseArgs } from 'node:util';
import { milliseconds } from './duration.js';
import { type Order, orderHelp, parseOrder } from './orders.js';

export type Flags = {
  readonly host: string;
  readonly port: number;
  readonly alias: string;
  readonly model: string;
  readonly slots: number;
  readonly context: number;
  readonly loadMs: number;
  /** Between two tokens of an answer. */
  readonly tokenMs: number;
  /** Tokens of an answer, where the request does not say. */
  readonly tokens: number;
  readonly logPrompts: boolean;
  readonly orders: readonly Order[];
};

type Read = { readonly ok: true; readonly value: Flags | 'help' } | { readonly ok: false; readonly error: string };

const options = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8080' },
  alias: { type: 'string' },
  model: { type: 'string', default: 'demo' },
  slots: { type: 'string', default: '4' },
  'ctx-size': { type: 'string', default: '4096' },
  'load-time': { type: 'string', default: '1s' },
  'token-time': { type: 'string', default: '20ms' },
  tokens: { type: 'string', default: '16' },
  'log-prompts': { type: 'boolean', default: false },
  order: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Like llama-server it takes a bad command line for a reason to end with status 1; `error` is the line to print. */
export function readFlags(args: readonly string[]): Read {
  try {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false });
    if (values.help) return { ok: true, value: 'help' };
    return {
      ok: true,
      value: {
        host: values.host,
        port: count(values, 'port', 65_535),
        alias: values.alias ?? values.model,
        model: values.model,
        slots: Math.max(1, count(values, 'slots', 1024)),
        context: count(values, 'ctx-size', 10_000_000),
        loadMs: milliseconds('--load-time', values['load-time']),
        tokenMs: milliseconds('--token-time', values['token-time']),
        tokens: count(values, 'tokens', 10_000_000),
        logPrompts: values['log-prompts'],
        orders: values.order.map(parseOrder),
      },
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ok: false, error: `invalid argument: ${error.message}` };
  }
}

function count<K extends string>(values: Readonly<Record<K, string>>, name: K, most: number): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    throw new RangeError(`--${name} takes a whole number up to ${most}, not "${values[name]}"`);
  }
  return value;
}

export function usage(): string {
  return `usage: engine.js [OPTION…]

An engine without a model: it speaks llama-server's API and log, counts words instead of thinking, and misbehaves on order.

  --host HOST           listen here (127.0.0.1)
  --port N              (8080)
  --alias NAME          what /v1/models and answers call the model (the value of --model)
  --model REF           only ever named, never read (demo)
  --slots N             requests that run at once; more wait (4)
  --ctx-size N          told by /props (4096)
  --load-time DURATION  503 "Loading model" for so long (1s)
  --token-time DURATION between two tokens of an answer (20ms)
  --tokens N            of an answer whose request does not say (16)
  --log-prompts         put every request into the log, as engines do that are told to be verbose
  --order ORDER         carry this order out as soon as the port is open; may be repeated

It answers GET /health /v1/models /props /slots /metrics, POST /v1/chat/completions /v1/completions /completion (streaming or not), and, at
any time, POST /demo/ORDER. A duration is a number of milliseconds, or has a unit (500ms, 2s, 1m).

Orders, on the command line as  --order 'crash?code=3&after=2s'  and live as  curl -X POST 'http://HOST:PORT/demo/crash?code=3&after=2s':

${orderHelp()}
Each of them takes  after=DURATION  to be carried out later, and  model=TEXT  to be carried out only where the --model holds TEXT. As with llama-server, SIGTERM or SIGINT ends it at once with status 0, but before
it has loaded for the first time, by that signal; a second one while it ends, with status 1.
`;
}
