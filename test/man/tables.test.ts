/** The pages and the tables of the code, both ways: keys of pools.yaml, error codes, routes, events, placeholders. */

import { describe, expect, it } from 'vitest';
import { routes } from '../../src/api/routes.js';
import { eventNames } from '../../src/core/events.js';
import { placeholderNames } from '../../src/engines/placeholders.js';
import { errorCodes } from '../../src/errors.js';
import type { ProblemCode } from '../../src/inventory/problem.js';
import { jsonSchema } from '../../src/inventory/schema.js';
import { labelsOf, type Metric, metricTable } from '../../src/telemetry/metric-table.js';
import { bytesPattern } from '../../src/text/bytes.js';
import { durationPattern } from '../../src/text/duration.js';
import { items, page, section, subsections } from './page.js';

type Schema = {
  readonly type?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly default?: unknown;
};
type Key = { readonly name: string; readonly kind: string; readonly byDefault: string };

describe('pools.yaml(5)', () => {
  const [top, supervisor, pool] = ['TOP OF THE FILE', 'SUPERVISOR', 'POOLS'].map((title) => keysOf(title)) as [
    Key[],
    Key[],
    Key[],
  ];
  const schema = jsonSchema() as Schema;
  const settings = schema.properties?.supervisor ?? {};
  const poolSchema = schema.properties?.pools?.additionalProperties ?? {};

  it('has the keys at the top', () => {
    expect(top.map(({ name }) => name)).toEqual(Object.keys(schema.properties ?? {}));
    expect(top.filter(({ byDefault }) => byDefault === 'required').map(({ name }) => name)).toEqual(schema.required);
  });

  it('has every key, its kind and its default, and has no others', () => {
    expect(sorted(supervisor)).toEqual(sorted(leavesOf(settings, 'supervisor.')));
    expect(sorted(pool)).toEqual(sorted(leavesOf(poolSchema, '')));
  });

  it('has every placeholder, and no others', () => {
    const named = items(section(page('pools.yaml.5'), 'PLACEHOLDERS')).map(({ head }) => head);
    expect(named).toEqual(placeholderNames.map((name) => `Ev \${${name}}`));
  });
});

describe('poolctl-errors(7)', () => {
  const errors = page('poolctl-errors.7');

  it('has every code with its exit status and HTTP status, and no others', () => {
    const told = items(section(errors, 'CODES')).map(({ head, text }) => [head, text.split('\n')[0]]);
    const known = Object.entries(errorCodes).map(([code, { exit, http, retriable }]) => [
      `Er ${code}`,
      `Exit status ${exit}, HTTP ${http}${retriable ? '; worth trying again' : ''}.`,
    ]);
    expect(told.sort()).toEqual(known.sort());
  });

  it('has every problem of an inventory, and no others', () => {
    // Complete by its type.
    const known: Readonly<Record<ProblemCode, true>> = {
      YAML_SYNTAX: true,
      UNKNOWN_KEY: true,
      MISSING_KEY: true,
      WRONG_TYPE: true,
      INVALID_VALUE: true,
      UNKNOWN_PLACEHOLDER: true,
      UNKNOWN_DEVICE: true,
      NO_DEVICES: true,
      DEVICE_CONFLICT: true,
      PORT_CONFLICT: true,
      SPLIT_MISMATCH: true,
      MASK_VARIABLE: true,
      DUPLICATE_KEY: true,
      FILE_NOT_FOUND: true,
      NO_EFFECT: true,
    };
    const told = items(section(errors, 'PROBLEMS OF THE INVENTORY')).map(({ head }) => head);
    expect(told.sort()).toEqual(
      Object.keys(known)
        .map((code) => `Er ${code}`)
        .sort(),
    );
  });

  it('says of each what to do, or why it comes', () => {
    const all = [...items(section(errors, 'CODES')), ...items(section(errors, 'PROBLEMS OF THE INVENTORY'))];
    for (const { head, text } of all) expect(text.replace(/^Exit status .*\n/, ''), head).toMatch(/\w{4}/);
  });
});

describe('poolctl-api(7)', () => {
  const api = page('poolctl-api.7');

  it('has every route, and no others', () => {
    const told = items(section(api, 'ROUTES')).map(({ head }) => head);
    expect(told).toEqual(routes.map(({ method, path }) => `Cm ${method} ${path}`));
  });

  it('has every metric with its type and labels, and no others, and every word of a label', () => {
    const metrics = section(api, 'METRICS');
    const told = subsections(metrics).flatMap(([of, lines]) => items(lines).map(({ head }) => `${of}: ${head}`));
    const known = Object.entries<Metric>(metricTable).map(
      ([name, { of, type, label }]) => `${of}: Cm ${name} Pq ${type}${label === undefined ? '' : ` , by Cm ${label}`}`,
    );
    expect(told.sort()).toEqual(known.sort());
    for (const [of, lines] of subsections(metrics)) {
      const first = lines.slice(0, lines.indexOf('.Bl -tag -width Ds')).filter((line) => line.startsWith('.Cm '));
      expect(first.flatMap((line) => line.slice(4).match(/[a-z_]+/g) ?? [])).toEqual(labelsOf[of as Metric['of']]);
    }
    const quoted = new Set(metrics.flatMap((line) => [...line.matchAll(/\bQl (\w+)/g)].map(([, word]) => word)));
    const words = new Set(Object.values<Metric>(metricTable).flatMap(({ values = [] }) => values));
    expect([...words].filter((word) => !quoted.has(word))).toEqual([]);
    expect([...quoted].filter((word) => word !== 'GET' && !words.has(word ?? ''))).toEqual([]);
  });

  it('has every event, and no others', () => {
    expect(items(section(api, 'EVENTS')).map(({ head }) => head)).toEqual(eventNames.map((name) => `Cm ${name}`));
  });
});

function keysOf(title: string): Key[] {
  return items(section(page('pools.yaml.5'), title)).map(({ head }) => {
    const [, name = head, kind = '', byDefault = ''] = /^Cm (\S+) : Ar (\w+)(?: Pq (?:Cm )?(.+))?$/.exec(head) ?? [];
    return { name, kind: kind === 'path' ? 'text' : kind, byDefault };
  });
}

/** Every key that takes a value, by its whole name. A map of known keys is its keys. */
function leavesOf({ properties = {} }: Schema, prefix: string): readonly Key[] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    schema.properties === undefined
      ? [{ name: `${prefix}${name}`, kind: kindOf(schema), byDefault: written(schema.default) }]
      : leavesOf(schema, `${prefix}${name}.`),
  );
}

function kindOf(schema: Schema): string {
  if (schema.anyOf !== undefined) {
    const kinds = schema.anyOf.map(kindOf);
    return kinds.find((kind) => kind !== 'null' && kind !== 'word') ?? 'word';
  }
  if (schema.enum !== undefined) return 'word';
  const pattern = schema.pattern?.replace('^(?=.*[1-9])', '^');
  if (pattern === durationPattern.source) return 'duration';
  if (pattern === bytesPattern.source) return 'size';
  const kinds: Readonly<Record<string, string>> = { string: 'text', integer: 'count', array: 'list', object: 'map' };
  return kinds[schema.type ?? ''] ?? schema.type ?? '';
}

/** As a file would have it. Only `engine` has no default. */
function written(byDefault: unknown): string {
  if (byDefault === undefined) return 'guessed';
  if (Array.isArray(byDefault)) return `[${byDefault.join(', ')}]`;
  return typeof byDefault === 'string' ? byDefault : JSON.stringify(byDefault);
}

function sorted(keys: readonly Key[]): readonly Key[] {
  return [...keys].sort((a, b) => (a.name < b.name ? -1 : 1));
}
