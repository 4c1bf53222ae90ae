/** What a route is, and what every one of them answers with. */

import type { OperationAnswer, Refusal } from '../core/answers.js';
import { PoolctlError } from '../errors.js';
import type { Service } from './service.js';
import type { Fields, Parameter } from './validate.js';

/** A request as a route sees it: decoded and complete. */
export type Call = {
  readonly service: Service;
  /** The route's `{name}` parts. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly lastEventId: string | null;
  readonly correlationId: string;
  /** `Prefer: respond-async`: answered as soon as it has begun. */
  readonly prefersAsync: boolean;
  /** A signal that is aborted when the caller has gone or the server closes; for what waits. */
  readonly gone: () => AbortSignal;
};

export type LogRequest = {
  readonly path: string;
  readonly key: string;
  readonly tail: number | null;
  readonly follow: boolean;
  readonly previous: boolean;
};

export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  /** 204. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'text'; readonly contentType: string; readonly body: string }
  /** This table, described. */
  | { readonly kind: 'document' }
  | { readonly kind: 'events'; readonly since: string | null }
  | { readonly kind: 'log'; readonly log: LogRequest };

export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Of the body that it takes; without them it takes no notice of one. */
  readonly fields?: Fields;
  /** Of the query. */
  readonly query?: Readonly<Record<string, Parameter>>;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
};

export const ok = (body: unknown): Reply => ({ kind: 'json', status: 200, body });

export const poolOf = ({ params }: Call): string => params.pool ?? '';

export function noPool(call: Call, verb = 'show'): never {
  throw new PoolctlError('POOL_NOT_FOUND', `cannot ${verb} "${poolOf(call)}": there is no such pool`, {
    hint: poolHint(call.service),
  });
}

export function poolHint(service: Service): string {
  const known = service.status().pools.map(({ pool_id }) => pool_id);
  return known.length === 0 ? 'there are no pools' : `pools: ${known.join(', ')}`;
}

export function accepted({ service }: Call, what: string, answer: OperationAnswer): Reply {
  return answer.ok ? { kind: 'json', status: 202, body: service.operation(answer.operationId) } : refuse(answer.refusal, what);
}

export function refuse({ code, message, hint, retryAfterMs, retriable }: Refusal, what: string): never {
  throw new PoolctlError(code, message === '' ? `cannot ${what}` : message, {
    ...(hint === undefined ? {} : { hint }),
    ...(retriable === undefined ? {} : { retriable }),
    ...(retryAfterMs === undefined ? {} : { extra: { retry_after_ms: retryAfterMs } }),
  });
}
