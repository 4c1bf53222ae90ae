/** The API's description of itself: that it is OpenAPI, that its examples are true, that what it lets in is let in, and that the core's views fit it. */

import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it, test } from 'vitest';
import { object, orNull, text } from '../../src/api/openapi/schema.js';
import { routes } from '../../src/api/routes.js';
import { correlationId, isCorrelationId, parameters, queryCount, queryFlag } from '../../src/api/validate.js';
import { errorCodes } from '../../src/errors.js';
import fc from '../rig/chance.js';
import { document, type Heard, hold, holdPrinted, mismatch } from '../rig/contract.js';
import type { Json } from '../rig/poolctl.js';
import { leaseView, statusView } from '../rig/views.js';
import { ask, openStand, running } from './stand.js';

const operations: readonly { readonly name: string; readonly operation: Json }[] = Object.entries<Json>(document.paths).flatMap(
  ([path, item]) =>
    Object.entries<Json>(item)
      .filter(([verb]) => verb !== 'parameters')
      .map(([verb, operation]) => ({ name: `${verb.toUpperCase()} ${path}`, operation })),
);

describe('the document', () => {
  it('is OpenAPI 3.1, by the schema of that', async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    const broken = structuredClone(document);
    broken.paths['/health'].get.responses = 'none';
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  it('has every route, each by a name of its own', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(routes.length);
    for (const { name, operation } of operations) {
      const [, path = ''] = name.split(' ');
      const declared = document.paths[path].parameters ?? [];
      expect(declared.map(({ $ref }: Json) => $ref.split('/').at(-1))).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, each]) => each),
      );
      expect(
        Object.keys(operation.responses).filter((status) => status < '300'),
        name,
      ).not.toEqual([]);
    }
  });

  it('refers to nothing that is not there, and has nothing to which nobody refers', () => {
    const used = new Set([...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, name]) => name));
    const { securitySchemes, ...components } = document.components;
    const there = Object.entries<Json>(components).flatMap(([kind, all]) => Object.keys(all).map((name) => `${kind}/${name}`));
    expect([...used].sort()).toEqual(there.sort());
    expect(securitySchemes.token).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('shows only what it describes', () => {
    const shown = examples(document);
    expect(shown.length).toBeGreaterThan(100);
    for (const { at, schema, example } of shown) expect(mismatch(schema, example), at).toBeNull();
  });

  it('has its codes under their status', () => {
    for (const { name, operation } of operations)
      for (const [status, reference] of Object.entries<Json>(operation.responses))
        for (const code of codesOf(reference))
          expect(errorCodes[code as keyof typeof errorCodes].http, name).toBe(Number(status));
  });

  it('is answered, with the version of the supervisor, and as the same bytes again', async () => {
    const stand = await openStand();
    const reply = await ask(stand, { path: '/openapi.json' });
    expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } });
    expect(reply.json).toEqual({ ...document, info: { ...document.info, version: '1.2.3' } });
    expect((await ask(stand, { path: '/openapi.json' })).text).toBe(reply.text);
    expect((await ask(stand, { method: 'HEAD', path: '/openapi.json' })).headers['content-length']).toBe(
      String(Buffer.byteLength(reply.text)),
    );
  });
});

describe('what is let in is what is described', () => {
  const taking = operations.filter(({ operation }) => operation.requestBody !== undefined);

  it('of every route that takes a body', () => {
    expect(taking).toHaveLength(routes.filter((route) => 'fields' in route).length);
  });

  test.each(taking)('$name', async ({ name, operation }) => {
    const stand = await openStand({
      lease: () => ({ ok: true, lease: leaseView() }),
      readModel: (_, model) => ({ ok: true, value: { model, modelId: 'other' } }),
    });
    const [method = '', template = ''] = name.split(' ');
    const path = template.replace('{pool}', 'chat').replace('{lease}', 'l-1');
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const { schema, example } = operation.requestBody.content['application/json'];
    const post = (body: string) => ask(stand, { method, path, headers, body });
    const verdicts = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(bodies(Object.keys(schema.properties), example), async (body) => {
        const { status } = await post(JSON.stringify(body));
        verdicts.add(status < 300);
        expect(status === 400, `${status} for ${JSON.stringify(body)}`).toBe(mismatch(schema, body) !== null);
      }),
      { numRuns: 300 },
    );
    expect(verdicts.size, 'both were tried').toBe(2);
    expect((await post('')).status < 300).toBe(!operation.requestBody.required);
  });

  it('in the query', () => {
    const texts = fc.oneof(
      fc.constantFrom('', '0', '1', 'true', 'false', '-1', '1.5', '0x1', '9'.repeat(15), '9'.repeat(16)),
      fc.string(),
      fc.nat().map(String),
    );
    fc.assert(
      fc.property(texts, (given) => {
        const query = new URLSearchParams({ it: given });
        // A number is written in digits; what else Number() reads is none here.
        const number = /^\d+$/.test(given) ? Number(given) : given;
        expect(
          passes(() => queryCount(query, 'it')),
          given,
        ).toBe(mismatch(parameters.count, number) === null && given.length <= 15);
        expect(
          passes(() => queryFlag(query, 'it')),
          given,
        ).toBe(mismatch(parameters.switch, given) === null);
      }),
      { numRuns: 2_000 },
    );
  });

  it('as a correlation id', () => {
    const ids = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9._:-]{0,200}$/), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(ids, (id) => {
        expect(isCorrelationId(id)).toBe(mismatch(correlationId, id) === null);
      }),
    );
  });
});

describe('a schema and its type', () => {
  type View = { readonly a: string; readonly b: string | null; readonly c?: string };
  const schemas = { a: text(), b: orNull(text()) };

  it('differ in nothing that the compiler does not see', () => {
    // @ts-expect-error "c" is missing
    object<View>(schemas);
    // @ts-expect-error "c" may be absent
    object<View>({ ...schemas, c: text() });
    // @ts-expect-error "b" may be null
    object<View>({ ...schemas, b: text() });
    // @ts-expect-error "a" is never null
    object<View>({ ...schemas, a: orNull(text()) });
    // @ts-expect-error "d" is no key of it
    object<Pick<View, 'a' | 'b'>>({ ...schemas, d: text() });
    expect(object<Pick<View, 'a' | 'b'>>(schemas).schema.required).toEqual(['a', 'b']);
  });
});

/** A checker that cannot fail proves nothing. */
describe('an answer that is not as described fails the test that hears it', () => {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'x-correlation-id': 'c' };
  const json = (body: unknown): Pick<Heard, 'text'> => ({ text: JSON.stringify(body) });
  const good = { method: 'GET', path: '/v2/pools', status: 200, headers, ...json(statusView([])) };
  const refusal = (more: object, at: object = {}) => ({
    ...good,
    path: '/v2/pools/chta',
    status: 404,
    ...json({ error: { code: 'POOL_NOT_FOUND', message: 'cannot', retriable: false, ...more } }),
    ...at,
  });
  const operation = (more: object) => ({ ...good, path: '/v2/operations/op-1', ...json({ ...running, ...more }) });
  const stream = (data: string) => ({
    ...good,
    path: '/v2/events',
    headers: { ...headers, 'content-type': 'text/event-stream; charset=utf-8' },
    text: `: poolctl events\n\nid: a-1\nevent: replica.ready\ndata: ${data}\n\n`,
  });

  test.each<[string, Heard, RegExp | null]>([
    ['as it is', good, null],
    ['a refusal as it is', refusal({}), null],
    ['an operation as it is', operation({}), null],
    [
      'an event as it is',
      stream('{"id":"a-1","time":"2026-03-01T13:00:00Z","event":"replica.ready","level":"info","human":"x"}'),
      null,
    ],
    ['a key too many', { ...good, ...json({ ...statusView([]), extra: 1 }) }, /must NOT have additional properties: "extra"/],
    ['a key too few', { ...good, ...json({ ...statusView([]), stale: undefined }) }, /must have required property 'stale'/],
    ['null where there is none', operation({ kind: null }), /body\/kind must be string/],
    [
      'a word that is not known',
      operation({ outcome: 'fine' }),
      /body\/outcome must be equal to one of the allowed values: ready, stopped, /,
    ],
    ['a time that is none', operation({ started_at: 'now' }), /body\/started_at must match format "date-time"/],
    ['a status that is not described', { ...good, status: 418 }, /describes only 200, 400, 401/],
    [
      'another type',
      { ...good, headers: { ...headers, 'content-type': 'text/plain' } },
      /describes application\/json, not "text\/plain"/,
    ],
    ['no correlation id', { ...good, headers: { 'content-type': 'application/json' } }, /wants the header X-Correlation-Id/],
    ['a correlation id of another form', { ...good, headers: { ...headers, 'x-correlation-id': 'a b' } }, /X-Correlation-Id/],
    ['a body where there is none', { ...good, method: 'DELETE', path: '/v2/leases/l-1', status: 204 }, /describes no body/],
    ['a code of another route', refusal({ code: 'LEASE_NOT_FOUND' }), /code must be equal to one of the allowed values/],
    ['a route that is not there', { ...good, path: '/v3/pools' }, /has no such operation/],
    ['a method that is not there', { ...good, method: 'PUT' }, /has no such operation/],
    ['a code of another status', refusal({ code: 'INTERNAL' }, { path: '/v3/pools' }), /has the code INTERNAL for 500/],
    ['Retry-After for what is hopeless', refusal({}, { headers: { ...headers, 'retry-after': '1' } }), /wants Retry-After/],
    ['an event that is none', stream('{"id":"a-1"}'), /must have required property 'event'/],
  ])('%s', (_, heard, problem) => {
    if (problem === null) expect(hold(heard)).toBeUndefined();
    else expect(() => hold(heard)).toThrow(problem);
  });
});

describe('what a command prints as JSON', () => {
  test.each([
    [['status', '--json'], JSON.stringify(statusView([]))],
    [['stop', 'all', '--json'], JSON.stringify({ operations: [running, running] })],
    [['stop', 'all', '--json'], JSON.stringify({ error: { code: 'NO_SUPERVISOR', message: 'cannot stop' } })],
    [['lease', 'list', '--json'], JSON.stringify({ leases: [leaseView()] })],
    [['plan', '--json'], '{}'],
    [['status'], 'text'],
  ])('%j is held to what the API says', (args, stdout) => {
    expect(holdPrinted(args, stdout)).toBeUndefined();
  });

  test.each([
    [['status', '--json'], JSON.stringify({ ...statusView([]), pools: [{}] }), /no StatusView .* must have required property/],
    [['stop', 'all', '--json'], JSON.stringify({ operations: [running, {}] }), /no OperationView/],
    [['events', '--json'], '{"event":"gap"}\n{"event":"replica.ready"}\n', /no Event/],
  ])('%j, and fails where it is not', (args, stdout, problem) => {
    expect(() => holdPrinted(args, stdout)).toThrow(problem);
  });
});

/** Mostly what is wanted, or nearly. */
function bodies(names: readonly string[], example: object): fc.Arbitrary<unknown> {
  const near = fc.constantFrom<unknown>(
    ...[null, 0, -0, 1, -1, 0.5, 86_400_000, 86_400_001, 2 ** 53 - 1, 2 ** 53, 1e300],
    ...[true, false, 'true', '', 'r0', 'r01', 'r999999', 'r1000000', '/models/other.gguf', 'x'.repeat(200), '😀'.repeat(200)],
    ...[
      'x'.repeat(201),
      '😀'.repeat(201),
      'a\nb',
      'a\u2028b',
      'a\u0085b',
      'r0\n',
      `sha256:${'aB3'.repeat(22).slice(2)}`,
      'sha256:0',
    ],
    ...['x'.repeat(4_096), 'x'.repeat(4_097), [], {}],
  );
  const value = fc.oneof({ weight: 4, arbitrary: near }, fc.integer(), fc.string({ unit: 'binary' }), fc.jsonValue());
  const some = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
  const one = fc.tuple(fc.constantFrom(...names), value).map(([name, given]) => ({ ...example, [name]: given }));
  const stranger = fc
    .tuple(fc.string(), value)
    .map(([name, given]) => Object.fromEntries([...Object.entries(example), [name, given]]));
  return fc.oneof({ weight: 6, arbitrary: one }, { weight: 3, arbitrary: some }, stranger, fc.jsonValue());
}

function passes(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

type Shown = { readonly at: string; readonly schema: Json; readonly example: unknown };

/** Every example with the schema that it is for. */
function examples(value: Json, at = ''): readonly Shown[] {
  if (typeof value !== 'object' || value === null) return [];
  const { schema, example, examples: named } = value;
  const inner = Object.entries<Json>(value).flatMap(([key, each]) =>
    key === 'example' || key === 'examples' ? [] : examples(each, `${at}/${key}`),
  );
  if (schema !== undefined) {
    const values = Object.values<Json>(named ?? {}).map((each) => each.value);
    return [...(example === undefined ? values : [example, ...values]).map((each) => ({ at, schema, example: each })), ...inner];
  }
  return Array.isArray(named) ? [...named.map((each) => ({ at, schema: value, example: each })), ...inner] : inner;
}

function codesOf(reference: Json): readonly string[] {
  const name = reference.$ref?.split('/').at(-1);
  const response = name === undefined ? reference : document.components.responses[name];
  return response.content?.['application/json']?.schema.properties?.error.properties.code.enum ?? [];
}
