/**
 * HTTP to an engine. A health check is a raw GET that reads no further than the status line: cheap, no pool of connections that could lead to a
 * dead engine, and a server that never ends its body is healthy all the same. Questions whose body matters go through node:http.
 */

import { get } from 'node:http';
import { connect } from 'node:net';
import { dialledHost } from '../host/net.js';
import { type ProbeClock, timeLimit } from './time-limit.js';

export type Door = { readonly host: string; readonly port: number; readonly timeoutMs: number };

export type HealthAnswer = {
  /** unknown: could not be judged, since we were not there to hear it. */
  readonly verdict: 'ok' | 'loading' | 'failed' | 'unknown';
  /** "HTTP 503", "connection refused", "no answer in 2s". */
  readonly detail: string;
  /** The HTTP status; 'refused' where nobody listens; null for any other answer, or none. */
  readonly said: number | 'refused' | null;
};

/** One health check. Never rejects, and settles by its timeout. */
export function checkHealth({ host, port, timeoutMs }: Door, path: string, clock: ProbeClock): Promise<HealthAnswer> {
  return new Promise((resolve) => {
    const dialled = dialledHost(host);
    const socket = connect({ host: dialled, port, noDelay: true });
    let head = '';

    const settle = (answer: HealthAnswer): void => {
      const missed = limit.end();
      socket.removeAllListeners('data').removeAllListeners('close');
      socket.destroy();
      resolve(missed === null || answer.verdict === 'ok' ? answer : { verdict: 'unknown', detail: missed, said: null });
    };
    const limit = timeLimit(timeoutMs, clock, () => settle(failed(`no answer in ${seconds(timeoutMs)}`)));

    socket.on('error', (error: NodeJS.ErrnoException) => settle(failed(phraseOf(error), isRefusal(error) ? 'refused' : null)));
    socket.once('close', () => settle(failed('connection closed without an answer')));
    socket.once('connect', () => socket.write(requestOf(path, dialled, port)));
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      const judged = judge(head);
      if (judged !== null) settle(judged);
    });
  });
}

/** Asks one question; null for whatever is not a usable answer: no 200, no answer in time, over 1 MiB, unreadable. Never rejects. */
export function ask<T>(
  { host, port, timeoutMs }: Door,
  { path, read }: { readonly path: string; readonly read: (body: string) => T | null },
): Promise<T | null> {
  return new Promise((resolve) => {
    const request = get(
      { host: dialledHost(host), port, path, agent: false, headers: { accept: '*/*', 'user-agent': 'poolctl' } },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > longestBody) settle(null);
          else chunks.push(chunk);
        });
        response.once('end', () =>
          settle(response.statusCode === 200 ? readOrNull(read, Buffer.concat(chunks).toString('utf8')) : null),
        );
        response.once('error', () => settle(null));
        response.once('close', () => settle(null));
      },
    );
    const timer = setTimeout(() => settle(null), timeoutMs);
    request.on('error', () => settle(null));

    function settle(answer: T | null): void {
      clearTimeout(timer);
      resolve(answer);
      request.destroy();
    }
  });
}

const longestBody = 1024 * 1024;
const longestHead = 16 * 1024;

function requestOf(path: string, host: string, port: number): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host.includes(':') ? `[${host}]` : host}:${port}\r\nUser-Agent: poolctl\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

/** Null while the status line is not whole. Interim answers (1xx) are passed over. */
function judge(head: string): HealthAnswer | null {
  const end = head.indexOf('\n');
  if (end < 0) return head.length > longestHead || (head.length >= 5 && !head.startsWith('HTTP/')) ? notHttp : null;
  const status = /^HTTP\/1\.[01] (\d{3})(?: [^\n]*)?\r?\n/.exec(head)?.[1];
  if (status === undefined) return notHttp;
  if (status.startsWith('1')) {
    const rest = /\r?\n\r?\n/.exec(head);
    return rest === null ? (head.length > longestHead ? notHttp : null) : judge(head.slice(rest.index + rest[0].length));
  }
  const verdict = status.startsWith('2') ? 'ok' : status === '503' ? 'loading' : 'failed';
  return { verdict, detail: `HTTP ${status}`, said: Number(status) };
}

function failed(detail: string, said: HealthAnswer['said'] = null): HealthAnswer {
  return { verdict: 'failed', detail, said };
}

const notHttp: HealthAnswer = failed('an answer that is not HTTP');

function isRefusal({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNREFUSED';
}

export function phraseOf({ code, message }: NodeJS.ErrnoException): string {
  return (code === undefined ? undefined : phrases[code]) ?? code ?? message;
}

const phrases: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host not found',
  ETIMEDOUT: 'no connection',
};

export function seconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

function readOrNull<T>(read: (body: string) => T | null, body: string): T | null {
  try {
    return read(body);
  } catch {
    return null;
  }
}
