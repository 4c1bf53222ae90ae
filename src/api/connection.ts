/** The connection to a supervisor's API: a request and its answer over the Unix socket, and what is said where there is none. */

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type ErrorCode, errorCodes, PoolctlError } from '../errors.js';

export type ClientOptions = {
  readonly socketPath: string;
  /** `start chat`, `show the status`: completes `cannot …` in errors. */
  readonly doing: string;
  readonly correlationId?: string;
  /** How long an answer may take, beyond what the question itself allows it; null: whoever asks watches that himself. @default 10000 */
  readonly answerMs?: number | null;
};

/** There is a supervisor, and it says nothing. */
export class NoAnswer extends PoolctlError {}

export class Connection {
  constructor(readonly options: ClientOptions) {}

  async ask(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
    allowedMs = 0,
  ): Promise<unknown> {
    const response = await this.open(method, path, body, signal, headers, allowedMs);
    const text = await readAll(response, (error) => this.unreachable(error));
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw this.refused(text, status);
    return parsed(text);
  }

  /** An answer without an end; null where `signal` was aborted before it began. Throws where it cannot begin. */
  async stream(path: string, signal: AbortSignal): Promise<IncomingMessage | null> {
    const response = await this.open('GET', path, undefined, signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (response === null) return null;
    // From now on it says something when something happens.
    response.socket.setTimeout(0);
    if (response.statusCode !== 200)
      throw this.refused(await readAll(response, (error) => this.unreachable(error)), response.statusCode ?? 0);
    return response;
  }

  private open(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
    headers: Readonly<Record<string, string>> = {},
    allowedMs = 0,
  ): Promise<IncomingMessage> {
    const { socketPath, correlationId, answerMs = 10_000 } = this.options;
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request(
        {
          socketPath,
          method,
          path,
          agent: false,
          headers: {
            host: 'poolctl',
            ...(text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...(correlationId === undefined ? {} : { 'x-correlation-id': correlationId }),
            ...headers,
          },
          ...(signal === undefined ? {} : { signal }),
          ...(answerMs === null ? {} : { timeout: Math.min(answerMs + allowedMs, longestTimerMs) }),
        },
        resolve,
      );
      // A process that is stopped takes every connection, and never answers.
      asked.on('timeout', () => asked.destroy(this.silent((answerMs ?? 0) + allowedMs)));
      asked.on('error', (error: NodeJS.ErrnoException) =>
        reject(signal?.aborted === true || error instanceof PoolctlError ? error : this.unreachable(error)),
      );
      asked.end(text);
    });
  }

  private silent(ms: number): NoAnswer {
    const { doing, socketPath } = this.options;
    return new NoAnswer('NO_SUPERVISOR', `cannot ${doing}: the supervisor does not answer`, {
      why: `it has said nothing on ${socketPath} for ${Math.round(ms / 1000)}s: it is stopped (Ctrl-Z, SIGSTOP), or hangs`,
      hint: 'poolctl doctor',
    });
  }

  private unreachable(error: NodeJS.ErrnoException): PoolctlError {
    // An answer that has begun and does not go on.
    if (error instanceof PoolctlError) return error;
    const { code, message } = error;
    const { doing, socketPath } = this.options;
    if (code === 'EACCES' || code === 'EPERM') {
      return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: the supervisor's socket is not ours to use`, {
        why: `permission denied on ${socketPath}: it belongs to another user`,
        hint: 'run poolctl as the user that runs poolctl up',
      });
    }
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK' || code === 'ENOTDIR') {
      return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: no poolctl supervisor is running`, {
        why: `nothing listens on ${socketPath}`,
        hint: 'poolctl up',
      });
    }
    return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: the supervisor went away`, {
      why: `the connection to ${socketPath} broke: ${message}`,
      hint: 'poolctl status',
    });
  }

  private refused(text: string, status: number): PoolctlError {
    const answer = parsed(text) as Readonly<Record<string, unknown>> | null;
    const error = answer?.error as Readonly<Record<string, unknown>> | null | undefined;
    if (typeof error?.message !== 'string') {
      return new PoolctlError(
        'INTERNAL',
        `cannot ${this.options.doing}: the supervisor answered ${status} and nothing that can be read`,
      );
    }
    const { code, message, why, hint, ...extra } = error;
    return new PoolctlError(isKnown(code) ? code : 'OPERATION_FAILED', message, {
      ...(typeof why === 'string' ? { why } : {}),
      ...(typeof hint === 'string' ? { hint } : {}),
      extra,
      ...(answer === null ? {} : { beside: without(answer, 'error') }),
    });
  }
}

const longestTimerMs = 2 ** 31 - 1;

function isKnown(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readAll(response: IncomingMessage, failed: (error: NodeJS.ErrnoException) => Error): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  } catch (error) {
    throw failed(error as NodeJS.ErrnoException);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function without(answer: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(answer).filter(([name]) => name !== key));
}
