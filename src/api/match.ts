/** From method and path to a route. Pure. */

import { PoolctlError } from '../errors.js';
import type { Route } from './route.js';

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

export type Matcher = (method: string, path: string) => Match;

/** HEAD is answered wherever GET is. A matcher throws INVALID_PARAMS for a path that cannot be decoded. */
export function matcherOf(routes: readonly Route[]): Matcher {
  const patterns = new Map<number, readonly Pattern[]>();
  for (const route of routes) {
    const pattern = patternOf(route);
    patterns.set(pattern.wanted.length, [...(patterns.get(pattern.wanted.length) ?? []), pattern]);
  }
  return (method, path) => {
    const parts = path.split('/').map(decoded);
    const fitting = (patterns.get(parts.length) ?? []).filter(({ wanted }) => fits(wanted, parts));
    const sought = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ route }) => route.method === sought);
    if (found !== undefined) return { kind: 'found', route: found.route, params: paramsOf(found, parts) };
    if (fitting.length === 0) return { kind: 'nothing' };
    return {
      kind: 'wrong-method',
      allow: fitting.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])),
    };
  };
}

type Pattern = {
  readonly route: Route;
  /** What each part of the path must be; null: anything but nothing. */
  readonly wanted: readonly (string | null)[];
  /** Where in the path which parameter stands. */
  readonly names: readonly { readonly at: number; readonly name: string }[];
};

function patternOf(route: Route): Pattern {
  const parts = route.path.split('/').map((part) => ({ part, named: part.startsWith('{') }));
  return {
    route,
    wanted: parts.map(({ part, named }) => (named ? null : part)),
    names: parts.flatMap(({ part, named }, at) => (named ? [{ at, name: part.slice(1, -1) }] : [])),
  };
}

/** As many parts as wanted. */
function fits(wanted: Pattern['wanted'], parts: readonly string[]): boolean {
  return wanted.every((want, at) => (want === null ? parts[at] !== '' : want === parts[at]));
}

function paramsOf({ names }: Pattern, parts: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const { at, name } of names) params[name] = parts[at] ?? '';
  return params;
}

function decoded(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PoolctlError('INVALID_PARAMS', 'cannot read the path: a % is not followed by two hexadecimal digits');
  }
}
