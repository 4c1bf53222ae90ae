/** Refusals: one shape for all, and what each code means. */

import { type ErrorCode, errorCodes } from '../../errors.js';
import type { ErrorBody, ProblemView } from '../wire.js';
import * as examples from './examples.js';
import { operation } from './operation.js';
import { asText, component, flag, integer, list, maybe, object, orNull, ref, type Schema, text, words } from './schema.js';

/** The others are the command line's own. */
export type ApiCode = Exclude<
  ErrorCode,
  | 'NO_SUPERVISOR'
  | 'ALREADY_RUNNING'
  | 'LISTEN_FAILED'
  | 'FILE_EXISTS'
  | 'WRITE_FAILED'
  | 'DEADLINE_PASSED'
  | 'STATE_DIR_UNSAFE'
  | 'SPAWN_FAILED'
  | 'OPERATION_FAILED'
  | 'USAGE'
>;

const meanings: Readonly<Record<ApiCode, string>> = {
  INVALID_PARAMS: 'a field is not known, or has a value that it cannot have',
  UNAUTHORIZED: 'over TCP: the bearer token is missing or wrong',
  FORBIDDEN_ORIGIN: "over TCP: another site's page asks, or the Host is not the listener's",
  NOT_FOUND: 'there is no such route',
  POOL_NOT_FOUND: 'there is no such pool',
  REPLICA_NOT_FOUND: 'the pool has no such replica',
  LEASE_NOT_FOUND: 'the lease has expired, was given back, or was lost',
  OPERATION_NOT_FOUND: 'there is no such operation, or not any more',
  METHOD_NOT_ALLOWED: 'the route takes other methods; the header Allow names them',
  POOL_DRAINING: 'no replica is ready, and one is being drained',
  OPERATION_IN_PROGRESS: 'another operation has the pool; its end is to be waited for',
  DRAIN_TIMEOUT: 'the drain was not over in time; everything is as before',
  NOT_SUPPORTED: 'this cannot be done with this inventory',
  PAYLOAD_TOO_LARGE: 'the body has more than 64 KiB',
  UNSUPPORTED_MEDIA_TYPE: 'the body is not declared as application/json',
  MODEL_UNAVAILABLE: 'the model is not there or not sound; nothing was touched',
  INVENTORY_INVALID: 'the inventory has errors; nothing was touched',
  NO_FREE_SLOT: 'replicas are ready, and all of their slots are leased',
  RELOAD_FAILED: 'the new model did not start, and the old one was put back, or did not come back either',
  POOL_UNREADY: 'no replica is ready to take a lease',
  POOL_UNAVAILABLE: 'a breaker is open; `retry_after_ms` says when one launch is tried',
  SHUTTING_DOWN: 'the supervisor is ending, and takes no wishes any more',
  INTERNAL: 'a bug in poolctl; the supervisor goes on',
};

const error = object<ErrorBody['error']>({
  code: asText(words('', meanings)),
  message: text('What could not be done.'),
  why: maybe(text('The cause, where the message has it not.')),
  hint: maybe(text('What to type next, or which names there are.')),
  pool_id: maybe(text()),
  engine: maybe(text()),
  retriable: flag('Trying again may help; then there are `retry_after_ms` and the header Retry-After.'),
  retry_after_ms: maybe(integer()),
});

const problem = object<ProblemView>({
  file: text('As the user named it.'),
  line: orNull(integer('From 1; null where the file itself is the problem.')),
  column: orNull(integer('From 1.')),
  severity: words('', { error: 'it keeps the inventory from being used', warning: '' }),
  code: text(),
  message: text(),
  hint: orNull(text('What to write instead.')),
});

export const errorBody = component(
  'ErrorBody',
  object<ErrorBody>(
    {
      error,
      operation: maybe(ref(operation, 'What went wrong, where it is one.')),
      problems: maybe(list(problem, 'What is wrong with an inventory.')),
    },
    'Every answer of 400 and above.',
  ),
  examples.notReloaded,
);

/** Which codes come with this status, and that no others do. */
export function refusal(codes: readonly ApiCode[]): {
  readonly description: string;
  readonly schema: Schema;
  readonly headers: readonly string[];
} {
  const some = codes.some((code) => errorCodes[code].retriable);
  return {
    description: codes.map((code) => `\`${code}\`: ${meanings[code]}.`).join('\n\n'),
    schema: {
      ...ref(errorBody).schema,
      properties: { error: { properties: { code: { enum: codes } } } },
    },
    headers: [...(some ? ['Retry-After'] : []), ...(codes.includes('UNAUTHORIZED') ? ['WWW-Authenticate'] : [])],
  };
}

export function exampleOf(code: ApiCode): ErrorBody {
  if (code === 'RELOAD_FAILED') return examples.notReloaded;
  const { retriable } = errorCodes[code];
  return {
    error: {
      code,
      message: `cannot do it: ${meanings[code].replaceAll('`', '')}`,
      retriable,
      ...(retriable ? { retry_after_ms: 1_000 } : {}),
    },
  };
}
