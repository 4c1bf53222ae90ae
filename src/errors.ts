/**
 * Every code that a user or a program can meet, with its HTTP status, exit status and whether trying again may help.
 * One table: the API, the command line and poolctl-errors(7) read it.
 */

type Row = { readonly http: number; readonly exit: number; readonly retriable: boolean };

const row = (http: number, exit: number, retriable = false): Row => ({ http, exit, retriable });

export const errorCodes = {
  INVALID_PARAMS: row(400, 2),
  UNAUTHORIZED: row(401, 1),
  FORBIDDEN_ORIGIN: row(403, 1),
  NOT_FOUND: row(404, 8),
  POOL_NOT_FOUND: row(404, 8),
  REPLICA_NOT_FOUND: row(404, 8),
  LEASE_NOT_FOUND: row(404, 8),
  OPERATION_NOT_FOUND: row(404, 8),
  METHOD_NOT_ALLOWED: row(405, 1),
  POOL_DRAINING: row(409, 7),
  OPERATION_IN_PROGRESS: row(409, 7, true),
  DRAIN_TIMEOUT: row(409, 5),
  NOT_SUPPORTED: row(409, 7),
  PAYLOAD_TOO_LARGE: row(413, 1),
  UNSUPPORTED_MEDIA_TYPE: row(415, 1),
  MODEL_UNAVAILABLE: row(422, 7),
  INVENTORY_INVALID: row(422, 4),
  NO_FREE_SLOT: row(429, 7, true),
  RELOAD_FAILED: row(502, 9),
  POOL_UNREADY: row(503, 7, true),
  POOL_UNAVAILABLE: row(503, 7, true),
  SHUTTING_DOWN: row(503, 7, true),
  INTERNAL: row(500, 70),
  NO_SUPERVISOR: row(503, 6),
  ALREADY_RUNNING: row(409, 7),
  /** Another process has the port; with exit status 1 where it is no address of ours. */
  LISTEN_FAILED: row(409, 7),
  /** What would be written is there already, and says something else. */
  FILE_EXISTS: row(409, 7),
  /** A file of the user's, where he wanted it. */
  WRITE_FAILED: row(500, 1),
  DEADLINE_PASSED: row(504, 5),
  STATE_DIR_UNSAFE: row(500, 1),
  SPAWN_FAILED: row(500, 1),
  OPERATION_FAILED: row(500, 1),
  USAGE: row(400, 2),
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof errorCodes;

/**
 * An expected failure on its way to the person who must act. `message` reads `cannot <verb> <thing>: <what is wrong>`, lower case, no full
 * stop; `why` is the cause where it is not in the message; `hint` is the next command to type.
 */
export class PoolctlError extends Error {
  override readonly name = 'PoolctlError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly more: {
      readonly why?: string;
      readonly hint?: string;
      /** Overrules the code's row. */
      readonly retriable?: false;
      readonly extra?: Readonly<Record<string, unknown>>;
      /** Stands beside the error in an answer, not in it. */
      readonly beside?: Readonly<Record<string, unknown>>;
      readonly exit?: number;
    } = {},
  ) {
    super(message);
  }
}

/** The process's exit status for an error; bugs are 70. */
export function exitStatus(error: unknown): number {
  return error instanceof PoolctlError ? (error.more.exit ?? errorCodes[error.code].exit) : 70;
}
