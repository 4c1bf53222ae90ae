/**
 * GET /openapi.json: the route table, its descriptions and the schemas of the views, as OpenAPI 3.1. It is loaded when somebody asks for it; what the
 * server has loaded anyway comes as an argument, so that the bundle has all this in a chunk of its own.
 */

import { errorCodes } from '../../errors.js';
import type { Route } from '../route.js';
import type { routes } from '../routes.js';
import type { Parameter } from '../validate.js';
import { type Answer, type Description, type HeaderName, tags } from './describing.js';
import { descriptions } from './descriptions.js';
import { type ApiCode, errorBody, exampleOf, refusal } from './errors.js';
import { eventLine, gap } from './events.js';
import { operation as operationView } from './operation.js';
import { document, liveness } from './plain.js';
import { breaker, lastExit, perf, replica } from './replica.js';
import type { Schema } from './schema.js';
import * as views from './views.js';

type Api = {
  readonly version: string;
  readonly routes: typeof routes;
  readonly parameters: Readonly<Record<Parameter, Schema>>;
  readonly correlationId: Schema;
};

type Json = Readonly<Record<string, unknown>>;

/** Whatever the route. */
const always: readonly ApiCode[] = [
  'INVALID_PARAMS',
  'UNAUTHORIZED',
  'FORBIDDEN_ORIGIN',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL',
];

const components = [
  views.status,
  views.pool,
  replica,
  breaker,
  lastExit,
  perf,
  views.health,
  views.device,
  views.devices,
  views.capabilities,
  views.lease,
  views.leaseList,
  views.apply,
  operationView,
  liveness,
  eventLine,
  gap,
  document,
  errorBody,
];

export function describe(api: Api): Json {
  const paths = [...new Set(api.routes.map(({ path }) => path))];
  return {
    openapi: '3.1.1',
    info: {
      title: 'poolctl',
      version: api.version,
      summary: 'Supervisor for LLM inference engines on one Linux machine',
      description: [
        'The supervisor answers on a Unix socket, and on TCP where `supervisor.listen` is set. HEAD is answered where GET is.',
        'Unknown is null, never 0 or an empty text. `_ms`: whole milliseconds; `_bytes`: whole bytes; `_seconds`: numbers; `_at`: times as in RFC 3339.',
        'A method that a route does not take is refused with 405 `METHOD_NOT_ALLOWED`, a path that is none with 404 `NOT_FOUND`, both as an ErrorBody.',
        'See poolctl-api(7).',
      ].join('\n\n'),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: 'http://poolctl', description: 'The Unix socket: `curl --unix-socket PATH http://poolctl/health`.' },
      {
        url: 'http://{listen}',
        description: 'TCP.',
        variables: { listen: { default: '127.0.0.1:9200', description: '`supervisor.listen` of pools.yaml.' } },
      },
    ],
    // None on the socket, whose mode lets nobody else in.
    security: [{}, { token: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(paths.map((path) => [path, pathItem(path, api)])),
    components: {
      schemas: Object.fromEntries(components.map(({ name, schema, example }) => [name, { ...schema, examples: [example] }])),
      parameters: { ...pathParameters, ...headerParameters(api.correlationId) },
      headers: answerHeaders(api.correlationId),
      responses: Object.fromEntries(always.map((code) => [code, refused([code])])),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: '`supervisor.token_file` or POOLCTL_TOKEN; on TCP alone.' },
      },
    },
  };
}

function pathItem(path: string, api: Api): Json {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const here = api.routes.filter((route) => route.path === path);
  return {
    ...(names.length === 0 ? {} : { parameters: names.map((name) => ({ $ref: `#/components/parameters/${name}` })) }),
    ...Object.fromEntries(here.map((route) => [route.method.toLowerCase(), operation(route, descriptionOf(route), api)])),
  };
}

function descriptionOf({ method, path }: Route): Description {
  const found: Readonly<Record<string, Description>> = descriptions;
  const description = found[`${method} ${path}`];
  if (description === undefined) throw new Error(`${method} ${path} has no description`);
  return description;
}

function operation(
  route: Route,
  { id, tag, about, more, answers, refusals, query = {}, headers = [], ...body }: Description,
  api: Api,
): Json {
  const fields = Object.entries(route.query ?? {});
  return {
    operationId: id,
    tags: [tag],
    summary: about,
    ...(more === undefined ? {} : { description: more }),
    parameters: [
      ...fields.map(([name, kind]) => ({ name, in: 'query', description: query[name], schema: api.parameters[kind] })),
      ...['X-Correlation-Id', ...headers].map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...(route.fields === undefined ? {} : { requestBody: requestBody(route.fields, body) }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answered(answer)])),
      ...refusalsOf(refusals),
    },
  };
}

/** Null counts as absent, so it is let in where a field need not be there. */
function requestBody(
  fields: NonNullable<Route['fields']>,
  { fields: meanings = {}, example }: Pick<Description, 'fields' | 'example'>,
): Json {
  const all = Object.entries(fields);
  const required = all.filter(([, check]) => check.required === true).map(([name]) => name);
  return {
    description: required.length > 0 ? 'At most 64 KiB.' : 'At most 64 KiB; none is the same as `{}`.',
    required: required.length > 0,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: Object.fromEntries(
            all.map(([name, { schema, required: isNeeded }]) => [
              name,
              { ...schema, ...(isNeeded === true ? {} : { type: [schema.type, 'null'] }), description: meanings[name] },
            ]),
          ),
          ...(required.length > 0 ? { required } : {}),
          additionalProperties: false,
        },
        example,
      },
    },
  };
}

const withHeaders = (names: readonly string[]): Json =>
  Object.fromEntries(['X-Correlation-Id', ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]));

function answered({ about, body }: Answer): Json {
  const head = { description: about, headers: withHeaders([]) };
  if (body === null) return head;
  if (body.kind === 'json')
    return {
      ...head,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${body.of.name}` }, example: body.example } },
    };
  const data = [eventLine, gap].map(({ name }) => ({ $ref: `#/components/schemas/${name}` }));
  return {
    ...head,
    content: {
      [body.type]: {
        schema: { type: 'string' },
        example: body.example,
        // OpenAPI 3.1 has no word for the messages of a stream.
        ...(body.type === 'text/event-stream' ? { 'x-event-data': { anyOf: data } } : {}),
      },
    },
  };
}

/** By status: codes that share one share an answer. */
function refusalsOf(own: readonly ApiCode[]): Json {
  const all = [...always, ...own];
  const statuses = new Set(all.map((code) => errorCodes[code].http));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const codes = all.filter((code) => errorCodes[code].http === status);
      const [common] = codes.length === 1 ? codes.filter((code) => always.includes(code)) : [];
      return [status, common === undefined ? refused(codes) : { $ref: `#/components/responses/${common}` }];
    }),
  );
}

function refused(codes: readonly ApiCode[]): Json {
  const { description, schema, headers } = refusal(codes);
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }]));
  return { description, headers: withHeaders(headers), content: { 'application/json': { schema, examples } } };
}

const inPath = (name: string, description: string, schema: Schema, example: string): Json => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
  example,
});

const pathParameters = {
  pool: inPath('pool', 'Its `pool_id`.', { type: 'string' }, 'chat'),
  replica: inPath('replica', 'Its `replica_id`.', { type: 'string' }, 'r0'),
  lease: inPath('lease', 'Its `lease_id`.', { type: 'string' }, views.lease.example.lease_id),
  operation: inPath('operation', 'Its `operation_id`.', { type: 'string' }, operationView.example.operation_id),
};

function headerParameters(correlationId: Schema): Readonly<Record<'X-Correlation-Id' | HeaderName, Json>> {
  const header = (name: string, description: string, schema: Schema, example: string): Json => ({
    name,
    in: 'header',
    description,
    schema,
    example,
  });
  return {
    'X-Correlation-Id': header(
      'X-Correlation-Id',
      `Is echoed, and stands in the events that the request causes, where it is of the form \`${correlationId.pattern}\`. Without one, or with one of another form, a new one is made.`,
      { type: 'string' },
      'trace-7',
    ),
    'Last-Event-ID': header(
      'Last-Event-ID',
      'The id of the last event that was seen: the stream begins with the one after it.',
      { type: 'string' },
      eventLine.example.id,
    ),
    Prefer: header('Prefer', '`respond-async`: 202 as soon as it has begun.', { type: 'string' }, 'respond-async'),
  };
}

function answerHeaders(correlationId: Schema): Json {
  return {
    'X-Correlation-Id': {
      description: "The request's, or a new one.",
      required: true,
      schema: correlationId,
      example: 'trace-7',
    },
    'Retry-After': {
      description: 'Whole seconds, where trying again may help.',
      schema: { type: 'integer', minimum: 1 },
      example: 1,
    },
    'WWW-Authenticate': { description: 'Bearer.', schema: { type: 'string' }, example: 'Bearer' },
  };
}
