/**
 * JSON Schema 2020-12, as far as the document needs it, built so that a schema and the type of what it describes cannot differ: a `Typed<T>` is made
 * for just this T, and an object that lacks a key of its type, or lets null pass where the type does not, does not compile.
 */

type TypeName = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';

export type Schema = {
  readonly $ref?: string;
  readonly type?: TypeName | readonly TypeName[];
  readonly description?: string;
  readonly enum?: readonly (string | null)[];
  readonly pattern?: string;
  readonly format?: 'date-time';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly anyOf?: readonly Schema[];
};

declare const means: unique symbol;

/** A schema of T, and of nothing wider or narrower. */
export type Typed<T> = { readonly schema: Schema; readonly [means]?: (value: T) => T };
/** Of a key that may be absent. */
type Absent<T> = Typed<T> & { readonly absent: true };

type Keys<T> = {
  readonly [K in keyof T]-?: Record<string, never> extends Pick<T, K> ? Absent<Exclude<T[K], undefined>> : Typed<T[K]>;
};

/** A schema with a name, to which others refer, and a value that shows it. */
export type Component<T> = Typed<T> & { readonly name: string; readonly example: T };

const described = (description: string | undefined): Schema => (description === undefined ? {} : { description });

export const text = (description?: string, more: Pick<Schema, 'pattern' | 'format'> = {}): Typed<string> => ({
  schema: { type: 'string', ...described(description), ...more },
});
export const time = (description?: string): Typed<string> => text(description, { format: 'date-time' });
export const number = (description?: string): Typed<number> => ({
  schema: { type: 'number', minimum: 0, ...described(description) },
});
export const integer = (description?: string): Typed<number> => ({
  schema: { type: 'integer', minimum: 0, ...described(description) },
});
export const flag = (description?: string): Typed<boolean> => ({ schema: { type: 'boolean', ...described(description) } });

/** One of these words, each with its meaning; '' where it says enough. */
export function words<W extends string>(description: string, meanings: Readonly<Record<W, string>>): Typed<W> {
  const all = Object.entries<string>(meanings);
  const list = all.filter(([, meaning]) => meaning !== '').map(([word, meaning]) => `- \`${word}\`: ${meaning}`);
  return {
    schema: { type: 'string', description: [description, ...list].join('\n'), enum: all.map(([word]) => word) },
  };
}

/** What the type leaves open, though there are only these words. */
export const asText = <W extends string>({ schema }: Typed<W>): Typed<string> => ({ schema });

/** The same, or null. */
export function orNull<T>({ schema }: Typed<T>): Typed<T | null> {
  const { type, enum: words, description, ...rest } = schema;
  if (typeof type !== 'string')
    return {
      schema: { ...described(description), anyOf: [{ ...rest, ...(type === undefined ? {} : { type }) }, { type: 'null' }] },
    };
  return {
    schema: {
      ...rest,
      ...described(description),
      type: [type, 'null'],
      ...(words === undefined ? {} : { enum: [...words, null] }),
    },
  };
}

/** May be absent; never null. */
export const maybe = <T>({ schema }: Typed<T>): Absent<T> => ({ schema, absent: true });

export const list = <T>({ schema: items }: Typed<T>, description?: string): Typed<readonly T[]> => ({
  schema: { type: 'array', ...described(description), items },
});

export function object<T extends object>(keys: Keys<T>, description?: string): Typed<T> {
  const entries = Object.entries(keys as Readonly<Record<string, Typed<unknown>>>);
  return {
    schema: {
      type: 'object',
      ...described(description),
      properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
      required: entries.filter(([, each]) => !('absent' in each)).map(([name]) => name),
    },
  };
}

export const component = <T>(name: string, { schema }: Typed<T>, example: T): Component<T> => ({ name, schema, example });

export const ref = <T>({ name }: Component<T>, description?: string): Typed<T> => ({
  schema: { $ref: `#/components/schemas/${name}`, ...described(description) },
});
