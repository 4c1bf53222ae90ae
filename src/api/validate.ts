/** What callers may send, checked by hand: small, fast, and every refusal names the field, what it must be and what came. */

import { PoolctlError } from '../errors.js';
import type { Schema } from './openapi/schema.js';

/** `schema` is what the document says of it (src/api/openapi); `is` is made from it, so that the two cannot differ. */
type Check = {
  readonly schema: Schema;
  readonly is: (value: unknown) => boolean;
  readonly must: string;
  /** Checked by whoever needs it, who knows better what to say where it is missing. */
  readonly required?: true;
};

/** A field of a body: its name and what it must be. Null counts as absent. */
export type Fields = Readonly<Record<string, Check>>;

export const milliseconds: Check = {
  ...whole(0, Number.MAX_SAFE_INTEGER),
  must: 'a whole number of milliseconds, 0 or more',
};
export const flag: Check = {
  schema: { type: 'boolean' },
  is: (value) => typeof value === 'boolean',
  must: 'true or false',
};
/** Of a lease. */
export const timeToLive: Check = {
  ...whole(1, 24 * 3_600_000),
  must: 'a whole number of milliseconds, from 1 to 86400000 (24 hours)',
};
/** Who somebody says to be. */
export const label: Check = {
  ...shaped('^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]{1,200}$'),
  must: 'a text of 1 to 200 characters without control characters',
};
/** Of a model. */
export const reference: Check = {
  ...shaped('^[^\\u0000-\\u001f\\u007f]{1,4096}$'),
  must: 'a path or a reference of 1 to 4096 characters without control characters',
};
export const digest: Check = {
  ...shaped('^[sS][hH][aA]256:[0-9a-fA-F]{64}$'),
  must: 'sha256: and 64 hexadecimal digits',
};
export const replicaIdField: Check = { ...shaped('^r(0|[1-9][0-9]{0,5})$'), must: 'a replica id such as "r0"' };

export const required = (check: Check): Check => ({ ...check, required: true });

function whole(minimum: number, maximum: number): Pick<Check, 'schema' | 'is'> {
  return {
    schema: { type: 'integer', minimum, maximum },
    is: (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
  };
}

/** By JSON Schema a pattern is one of Unicode characters. */
function shaped(pattern: string): Pick<Check, 'schema' | 'is'> {
  const form = new RegExp(pattern, 'u');
  return { schema: { type: 'string', pattern }, is: (value) => typeof value === 'string' && form.test(value) };
}

/** A JSON object with known fields only. An empty body is an empty object. Throws INVALID_PARAMS. */
export function parseBody(text: string, fields: Fields): Readonly<Record<string, unknown>> {
  if (text === '') return {};
  const body = parseJson(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PoolctlError('INVALID_PARAMS', `cannot read the body: it must be a JSON object, not ${shown(body)}`);
  }
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (check === undefined) {
      throw new PoolctlError('INVALID_PARAMS', `cannot use the field "${cutShort(name)}": it is not known here`, {
        hint: `known fields: ${Object.keys(fields).join(', ')}`,
      });
    }
    if (value === null) continue;
    if (!check.is(value))
      throw new PoolctlError('INVALID_PARAMS', `cannot use "${name}": it must be ${check.must}, not ${shown(value)}`);
    given[name] = value;
  }
  return given;
}

/** What may stand in the query string, by the names that the route table has for it. */
export const parameters = {
  count: { type: 'integer', minimum: 0, maximum: 999_999_999_999_999 },
  switch: { type: 'string', enum: ['1', '0', 'true', 'false', ''] },
  text: { type: 'string' },
} as const satisfies Readonly<Record<string, Schema>>;
export type Parameter = keyof typeof parameters;

/** A count in the query string, such as `tail=100`; null where it is absent. Throws INVALID_PARAMS. */
export function queryCount(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) {
    throw new PoolctlError(
      'INVALID_PARAMS',
      `cannot use "${name}": it must be a whole number, 0 or more, not "${cutShort(text)}"`,
    );
  }
  return Number(text);
}

/** A switch in the query string: `follow`, `follow=1`, `follow=true`. Throws INVALID_PARAMS. */
export function queryFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === '0' || text === 'false') return false;
  if (text === '' || text === '1' || text === 'true') return true;
  throw new PoolctlError('INVALID_PARAMS', `cannot use "${name}": it must be 1 or 0, not "${cutShort(text)}"`);
}

/** What a caller may put into `X-Correlation-Id`. */
export const correlationId = { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' } as const;
const correlationForm = new RegExp(correlationId.pattern, 'u');

export function isCorrelationId(value: unknown): value is string {
  return typeof value === 'string' && correlationForm.test(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PoolctlError(
      'INVALID_PARAMS',
      `cannot read the body: it is not JSON, it begins with "${cutShort(text.trimStart())}"`,
    );
  }
}

function shown(value: unknown): string {
  return cutShort(JSON.stringify(value) ?? String(value));
}

function cutShort(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  return clean.length > 40 ? `${clean.slice(0, 37)}...` : clean;
}
