/** The schema of pools.yaml: what it takes, its defaults, and its JSON Schema. Values stay as written; normalize.ts reads the units. */

import * as z from 'zod/mini';
import { about, count, duration, flag, group, key, oneOf, someSize, someTime, text, textOf, whatIs } from './leaves.js';
import { poolSchema } from './pool-schema.js';
import type { Path } from './tree.js';

export const poolIdPattern = /^(?!all$)[a-z0-9][a-z0-9-]{0,62}$/;

const supervisorSchema = z.strictObject(
  {
    listen: key(
      z.nullable(textOf(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/, 'host:port, such as 127.0.0.1:9200')),
      null,
      'HTTP API and /metrics on TCP, beside the socket; also $POOLCTL_LISTEN',
    ),
    token_file: key(
      z.nullable(text('a file')),
      null,
      'holds the token of the TCP API, as $POOLCTL_TOKEN does; required when listen is not loopback',
    ),
    allow_downloads: key(flag, false, 'may models named by https: and hf: be fetched?'),
    ports: key(
      textOf(/^\d{1,5}-\d{1,5}$/, 'a range of ports, such as 18100-18999'),
      '18100-18999',
      'for port: auto; the lowest free one, kept by the replica',
    ),
    shutdown_deadline: key(duration, '30s', 'drain time on SIGTERM or the first Ctrl-C'),
    adopt: key(flag, true, 'take over engines that outlived a previous supervisor'),
    loads: group(
      {
        per_device: key(count(), 1, 'engines that load on one device at once'),
        total: key(count(), 4, 'engines that load at once; mask cpu counts here only'),
      },
      'how many engines load at once',
    ),
    log: group(
      {
        format: key(oneOf('auto', 'pretty', 'json'), 'auto', 'auto: pretty on a terminal, else JSON lines'),
        level: key(oneOf('debug', 'info', 'warn', 'error', 'critical'), 'info', 'the least level that is told'),
      },
      'what `up` tells',
    ),
    events: group(
      {
        max_size: key(someSize, '20MiB', 'of the event journal'),
        keep: key(count(0), 3, 'older journals that are kept'),
      },
      'the event journal',
    ),
    device_poll: key(someTime, '5s', 'between two looks at the devices'),
    engine_poll: key(z.nullable(someTime), '10s', 'between two questions for running requests; null: only during a drain'),
    device_storm: group(
      {
        limit: key(count(), 6, 'restarts over all pools that touch one device'),
        window: key(someTime, '60s', 'of that limit'),
      },
      'too many restarts on one device',
    ),
  },
  { error: 'a map' },
);

/** Enough for a machine; a bound, so that no file can ask for millions. */
const maxPools = 1000;

export const inventorySchema = z.strictObject(
  {
    version: about(z.literal(1, { error: '1' }), { description: 'of this format' }),
    supervisor: about(z.optional(supervisorSchema), { description: 'settings of poolctl itself' }),
    defaults: about(z.optional(poolSchema), {
      description: 'any key of a pool; a pool inherits them key by key, maps merged',
    }),
    pools: about(
      z
        .record(textOf(poolIdPattern, 'a pool id'), poolSchema, { error: 'a map of pools' })
        .check(z.refine((pools) => Object.keys(pools).length <= maxPools, { error: `a map of at most ${maxPools} pools` })),
      { maxProperties: maxPools, description: 'by id: lower-case letters, digits and hyphens, at most 63, not "all"' },
    ),
  },
  { error: 'a map with version and pools' },
);

export type InventoryInput = z.output<typeof inventorySchema>;
export type PoolInput = z.output<typeof poolSchema>;
type SupervisorInput = z.output<typeof supervisorSchema>;

/** Nothing left out. */
type Complete<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]-?: Complete<Exclude<T[K], undefined>> }
    : T;

/** A pool's keys after inheritance. Only `engine` may be unsaid. */
export type Settings = Complete<Omit<PoolInput, 'engine'>> & Pick<PoolInput, 'engine'>;
export type SupervisorSettings = Complete<SupervisorInput>;

/** The defaults that stand in the schema, in the form that a file would give them. */
export const builtIns = {
  pool: defaultsOf(poolSchema) as unknown as Settings,
  supervisor: defaultsOf(supervisorSchema) as unknown as SupervisorSettings,
};

function defaultsOf(schema: z.ZodMiniObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.shape).flatMap(([name, field]) => {
      const inner = unwrapped(field);
      if (inner instanceof z.ZodMiniObject) return [[name, defaultsOf(inner)]];
      const { default: byDefault } = whatIs(field as z.ZodMiniType);
      return byDefault === undefined ? [] : [[name, byDefault]];
    }),
  );
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodMiniOptional ? schema.def.innerType : schema;
}

/** The keys that may stand in the map at `path`; none where any name may, or where there is no map. */
export function keysAt(path: Path): readonly string[] {
  let here: unknown = inventorySchema;
  for (const step of path) {
    if (here instanceof z.ZodMiniRecord) here = here.def.valueType;
    else here = here instanceof z.ZodMiniObject ? here.shape[String(step)] : undefined;
    here = unwrapped(here);
    if (here instanceof z.ZodMiniUnion) here = here.def.options.find((option) => option instanceof z.ZodMiniObject);
  }
  return here instanceof z.ZodMiniObject ? Object.keys(here.shape) : [];
}

/** Every place in the schema where a key of this name may stand: `health.interval`, `supervisor.listen`. Below pools the pool is left out. */
export function homesOf(name: string): readonly string[] {
  return [...homesIn(poolSchema, name, ''), ...homesIn(supervisorSchema, name, 'supervisor.')];
}

function homesIn(schema: z.ZodMiniObject, name: string, prefix: string): readonly string[] {
  return Object.entries(schema.shape).flatMap(([own, field]) => {
    const inner = unwrapped(field);
    const below = inner instanceof z.ZodMiniObject ? homesIn(inner, name, `${prefix}${own}.`) : [];
    return own === name ? [`${prefix}${own}`, ...below] : below;
  });
}

/** Draft 2020-12, for editors and for `poolctl schema`. Says nothing of what depends on several keys or on the machine. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(inventorySchema, { io: 'input', target: 'draft-2020-12' });
  return { $schema, title: 'pools.yaml, the inventory of poolctl', ...rest };
}
