/** One token from an engine: the only proof that it still does what it is there for. */

import { request } from 'node:http';
import { dialledHost } from '../host/net.js';
import { type Door, phraseOf, seconds } from './probes.js';
import { type ProbeClock, timeLimit } from './time-limit.js';

export type TokenAnswer = {
  readonly verdict: 'ok' | 'failed' | 'unknown';
  readonly detail: string;
  /** It was waited for to the end, and no answer came. */
  readonly silent: boolean;
};

/**
 * Posts the request. ok: a whole answer of status 200 within the time. failed: no such answer, or the engine says that it cannot. unknown: it
 * has no time just now, it does not know us or the question, or we were not there to hear it. Never rejects, and settles by its timeout.
 */
export function askForToken(
  { host, port, timeoutMs }: Door,
  { path, body }: { readonly path: string; readonly body: object },
  clock: ProbeClock,
): Promise<TokenAnswer> {
  return new Promise((resolve) => {
    const settle = (answer: TokenAnswer): void => {
      const missed = limit.end();
      asked.destroy();
      resolve(missed === null || answer.verdict === 'ok' ? answer : { verdict: 'unknown', detail: missed, silent: false });
    };
    const asked = request(
      { host: dialledHost(host), port, path, method: 'POST', agent: false, headers: { ...headers, accept: '*/*' } },
      (response) => {
        response.resume();
        response.once('end', () => settle(judge(response.statusCode ?? 0)));
        response.once('error', () => settle(cut));
        response.once('close', () => settle(cut));
      },
    );
    const limit = timeLimit(timeoutMs, clock, () =>
      settle({ verdict: 'failed', detail: `no answer in ${seconds(timeoutMs)}`, silent: true }),
    );
    asked.on('error', (error) => settle({ verdict: 'failed', detail: phraseOf(error), silent: false }));
    asked.end(JSON.stringify(body));
  });
}

const headers = { 'content-type': 'application/json', 'user-agent': 'poolctl' } as const;
const cut: TokenAnswer = { verdict: 'failed', detail: 'the connection closed in the middle of the answer', silent: false };

/** 501: a server of embeddings, say, makes no text. Of the 4xx none says that the engine is sick, but that we asked in vain. */
function judge(status: number): TokenAnswer {
  const verdict = status === 200 ? 'ok' : status >= 500 && status !== 501 && status !== 503 ? 'failed' : 'unknown';
  return { verdict, detail: `HTTP ${status}`, silent: false };
}
