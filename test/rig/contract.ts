/**
 * Holds what the API answers to its own description: an answer that openapi.json does not describe to the letter fails the test that heard it,
 * whatever that test was about. Strictly: a key that is not described is one too many.
 */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describeItself } from '../../src/api/itself.js';
import { sseReader } from '../../src/api/sse.js';
import { errorCodes } from '../../src/errors.js';
import type { Json } from './poolctl.js';

export const document: Json = await describeItself('0.0.0');

export type Heard = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
};

/** Throws where an answer is not as it is described. A stream may be cut off anywhere between two messages. */
export function hold({ method, path, status, headers, text }: Heard): void {
  const wrong = (what: string): Error =>
    new Error(`${method} ${path} answered ${status}, and openapi.json ${what}\n${text.slice(0, 2_000)}`);
  const verb = method === 'HEAD' ? 'GET' : method;
  const item = itemOf(path);
  const operation = item?.[verb.toLowerCase()];
  if (operation === undefined) {
    // Who may not ask is told before anybody looks for a route; so is a % that means nothing.
    const expected = [item === undefined ? 404 : 405, 401, 403, ...(path.includes('%') ? [400] : [])];
    if (!expected.includes(status)) throw wrong('has no such operation');
  }
  const response = operation === undefined ? unknownRoute : resolved(operation.responses[status]);
  if (response === undefined) throw wrong(`describes only ${Object.keys(operation.responses).join(', ')}`);
  for (const [name, reference] of Object.entries<Json>(response.headers)) {
    const { required = false, schema } = resolved(reference);
    const given = headers[name.toLowerCase()];
    if (given === undefined && required) throw wrong(`wants the header ${name}`);
    const value = schema.type === 'integer' ? Number(given) : given;
    const problem = given === undefined ? null : mismatch(schema, value);
    if (problem !== null) throw wrong(`says of the header ${name}: ${problem}`);
  }
  const type = String(headers['content-type'] ?? '').split(';')[0] ?? '';
  if (response.content === undefined) {
    if (type !== '' || text !== '') throw wrong('describes no body');
    return;
  }
  const media = response.content[type];
  if (media === undefined) throw wrong(`describes ${Object.keys(response.content).join(', ')}, not "${type}"`);
  if (method === 'HEAD') return;
  for (const value of type === 'application/json' ? [JSON.parse(text)] : messages(media, text)) {
    const problem = mismatch(media['x-event-data'] ?? media.schema, value);
    if (problem !== null) throw wrong(`says: ${problem}`);
    if (status >= 400) holdRefusal(value, status, headers, wrong);
  }
}

/** Fails where a value is not what the schema of this name says. */
export function holdValue(name: string, value: unknown): void {
  const problem = mismatch({ $ref: `#/components/schemas/${name}` }, value);
  if (problem !== null)
    throw new Error(`this is no ${name} of openapi.json: ${problem}\n${JSON.stringify(value).slice(0, 2_000)}`);
}

/** What a command prints with --json is an answer of the API, where there is one for it. */
export function holdPrinted(args: readonly string[], stdout: string): void {
  if (!args.includes('--json') || stdout === '') return;
  const [verb = '', second = ''] = args.filter((each) => !each.startsWith('-'));
  const name = printed[verb] ?? printed[`${verb} ${second}`];
  if (name === undefined) return;
  const values = name === 'Event' ? stdout.trimEnd().split('\n') : [stdout];
  for (const value of values.map((text) => JSON.parse(text))) {
    const isFailure = value.error !== undefined && value.operation_id === undefined;
    if (isFailure || value.event === 'gap') continue;
    for (const each of value.operations ?? [value]) holdValue(name, each);
  }
}

const printed: Readonly<Record<string, string>> = {
  status: 'StatusView',
  start: 'OperationView',
  stop: 'OperationView',
  restart: 'OperationView',
  reset: 'OperationView',
  drain: 'OperationView',
  reload: 'OperationView',
  down: 'OperationView',
  devices: 'DevicesAnswer',
  events: 'Event',
  'lease acquire': 'LeaseView',
  'lease renew': 'LeaseView',
  'lease list': 'LeasesAnswer',
};

/** What is wrong with a value, by a schema of the document; null: nothing. */
export function mismatch(schema: Json, value: unknown): string | null {
  const key = JSON.stringify(schema);
  let accepts = validators.get(key);
  if (accepts === undefined) {
    accepts = validator.compile({ ...strict(schema), $defs: definitions });
    validators.set(key, accepts);
  }
  if (accepts(value)) return null;
  return (accepts.errors ?? [])
    .map(({ instancePath, message, params }) => {
      const { additionalProperty: extra, allowedValues: allowed } = params;
      const more = extra !== undefined ? `: "${extra}"` : allowed !== undefined ? `: ${allowed.join(', ')}` : '';
      return `the body${instancePath} ${message}${more}`;
    })
    .join(', ');
}

const validator = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
validator.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
// Annotations, which say nothing of a value.
validator.addVocabulary(['example']);

const validators = new Map<string, ValidateFunction>();
const definitions = Object.fromEntries(
  Object.entries<Json>(document.components.schemas).map(([name, schema]) => [name, strict(schema)]),
);
/** Of a request that no operation is for. */
const unknownRoute: Json = {
  headers: document.components.responses.INTERNAL.headers,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
};

/** Where the document lists what an object has, it has nothing else. */
function strict(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { examples, ...rest } = schema;
  const inner = Object.entries<Json>(rest).map(([key, value]) => [
    key,
    key === '$ref' ? value.replace('#/components/schemas/', '#/$defs/') : strict(value),
  ]);
  const isListed = typeof rest.properties === 'object' && [rest.type].flat().includes('object');
  return { ...(isListed ? { additionalProperties: false } : {}), ...Object.fromEntries(inner) };
}

function resolved(value: Json): Json {
  const path: string | undefined = value?.$ref;
  if (path === undefined) return value;
  const parts = path.slice(2).split('/');
  return parts.reduce((at, part) => at[part], document);
}

function itemOf(path: string): Json {
  const parts = (path.split('?')[0] ?? '').split('/');
  const found = Object.entries<Json>(document.paths).find(([template]) => {
    const wanted = template.split('/');
    return (
      wanted.length === parts.length &&
      wanted.every((want, at) => want === parts[at] || (want.startsWith('{') && parts[at] !== ''))
    );
  });
  return found?.[1];
}

function messages(media: Json, text: string): readonly unknown[] {
  return media['x-event-data'] === undefined ? [text] : sseReader()(text).map(({ data }) => JSON.parse(data));
}

function holdRefusal({ error }: Json, status: number, headers: Heard['headers'], wrong: (what: string) => Error): void {
  const known = errorCodes[error.code as keyof typeof errorCodes];
  if (known?.http !== status) throw wrong(`has the code ${error.code} for ${known?.http}`);
  const told = headers['retry-after'] !== undefined;
  if (told !== error.retriable || told !== (error.retry_after_ms !== undefined))
    throw wrong('wants Retry-After and retry_after_ms just where it is retriable');
}
