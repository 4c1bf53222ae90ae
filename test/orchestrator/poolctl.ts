/** poolctl as an orchestrator knows it: by its address, its token and the contract. Nothing of poolctl's own code is used here. */

import { type IncomingMessage, type RequestOptions, request } from 'node:http';

export type Door = { readonly host: string; readonly port: number; readonly token: string };

// biome-ignore lint/suspicious/noExplicitAny: what others send is held against the contract by whoever reads it
export type Json = any;

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Null where there is no body. */
  readonly body: Json;
};

export type Line = { readonly id: string | null; readonly event: string; readonly data: Json };

export function ask(
  { host, port, token }: Door,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return send({ host, port, method, path, headers: { authorization: `Bearer ${token}`, ...headers } }, body);
}

/** To an engine, at the url that a lease or a handoff file names. */
export function askUrl(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return send({ host: hostname, port: Number(port), method, path }, body);
}

export type To = Pick<RequestOptions, 'host' | 'port' | 'socketPath' | 'signal'> & {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Rejects where no whole answer comes. */
export function send({ headers = {}, ...to }: To, body?: unknown): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = text === '' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  return new Promise((resolve, reject) => {
    const asking = request({ ...to, agent: false, headers: { ...type, ...headers } }, (response) => {
      let heard = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        heard += piece;
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: heard === '' ? null : JSON.parse(heard) });
      });
    });
    asking.on('error', reject);
    asking.end(text);
  });
}

export type Ears = {
  /** It is listened: what happens from now on will be heard. */
  readonly opened: () => void;
  readonly hear: (line: Line) => void;
};

/** Server-sent events after `since`, or from now on. Resolves when the stream has ended, however that came; rejects where it is refused. */
export function follow(
  { host, port, token }: Door,
  since: string | null,
  { opened, hear }: Ears,
  signal: AbortSignal,
): Promise<void> {
  const resume = since === null ? {} : { 'last-event-id': since };
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...resume };
  return new Promise((resolve, reject) => {
    const asking = request({ host, port, path: '/v2/events', agent: false, headers, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`events are refused: ${response.statusCode}`));
        return;
      }
      opened();
      let rest = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        const messages = (rest + piece).split('\n\n');
        rest = messages.pop() ?? '';
        for (const message of messages) {
          const line = lineOf(message);
          if (line !== null) hear(line);
        }
      });
      response.on('error', () => resolve());
      response.on('close', () => resolve());
    });
    // Nobody listens there just now.
    asking.on('error', () => resolve());
    asking.end();
  });
}

/** Null for a comment. */
function lineOf(message: string): Line | null {
  const fields = new Map<string, string>();
  for (const line of message.split('\n')) {
    const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, value);
  }
  const data = fields.get('data');
  if (data === undefined) return null;
  return { id: fields.get('id') ?? null, event: fields.get('event') ?? 'message', data: JSON.parse(data) as Json };
}
