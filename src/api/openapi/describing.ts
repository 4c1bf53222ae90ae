/** The form of a description. Its types come from the route table: a route, a field or a parameter without a word does not compile. */

import type { Route } from '../route.js';
import type { routes } from '../routes.js';
import type { ApiCode } from './errors.js';
import type { Component } from './schema.js';

export type Answer = {
  readonly about: string;
  readonly body: Json | Text | null;
};
type Json = { readonly kind: 'json'; readonly of: Component<unknown>; readonly example: unknown };
type Text = { readonly kind: 'text'; readonly type: 'text/plain' | 'text/event-stream'; readonly example: string };

export type Description = {
  /** For generators of clients. */
  readonly id: string;
  readonly tag: Tag;
  readonly about: string;
  /** Whole sentences. */
  readonly more?: string;
  readonly answers: Readonly<Record<number, Answer>>;
  readonly refusals: readonly ApiCode[];
  readonly fields?: Readonly<Record<string, string>>;
  readonly example?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: readonly HeaderName[];
};

/** Of requests; X-Correlation-Id is one of all. */
export type HeaderName = 'Last-Event-ID' | 'Prefer';

type Tag = keyof typeof tags;
export const tags = {
  supervisor: 'The supervisor itself.',
  pools: 'What there is, and how it is.',
  operations: 'Wishes, and what becomes of them.',
  leases: 'Claims on slots.',
  news: 'What happens, and what engines print.',
} as const;

type Listed = (typeof routes)[number];
type Key<R extends Pick<Route, 'method' | 'path'>> = R extends unknown ? `${R['method']} ${R['path']}` : never;
type WithFields<R> = R extends { readonly fields: infer F }
  ? { readonly fields: { readonly [K in keyof F]: string }; readonly example: { readonly [K in keyof F]?: unknown } }
  : { readonly fields?: never; readonly example?: never };
type WithQuery<R> = R extends { readonly query: infer Q }
  ? { readonly query: { readonly [K in keyof Q]: string } }
  : { readonly query?: never };
export type Descriptions = {
  readonly [R in Listed as Key<R>]: Omit<Description, 'fields' | 'example' | 'query'> & WithFields<R> & WithQuery<R>;
};

export const json = <T>(about: string, of: Component<T>, example: T = of.example): Answer => ({
  about,
  body: { kind: 'json', of: of as unknown as Component<unknown>, example },
});
export const plain = (about: string, type: Text['type'], example: string): Answer => ({
  about,
  body: { kind: 'text', type, example },
});
