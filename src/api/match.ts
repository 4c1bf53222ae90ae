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
  const patterns = routes.map((route): Pattern => ({ route, wanted: route.path.split('/') }));
  return (method, path) => {
    const parts = path.split('/').map(decoded);
    const fitting = patterns.filter(({ wanted }) => fits(wanted, parts));
    const sought = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ route }) => route.method === sought);
    if (found !== undefined) return { kind: 'found', route: found.route, params: paramsOf(found.wanted, parts) };
    if (fitting.length === 0) return { kind: 'nothing' };
    return {
      kind: 'wrong-method',
      allow: fitting.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])),
    };
  };
}

type Pattern = { readonly route: Route; readonly wanted: readonly string[] };

const isName = (want: string): boolean => want.startsWith('{');

function fits(wanted: readonly string[], parts: readonly string[]): boolean {
  return wanted.length === parts.length && wanted.every((want, i) => (isName(want) ? parts[i] !== '' : want === parts[i]));
}

function paramsOf(wanted: readonly string[], parts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(wanted.flatMap((want, i) => (isName(want) ? [[want.slice(1, -1), parts[i] ?? '']] : [])));
}

function decoded(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PoolctlError('INVALID_PARAMS', 'cannot read the path: a % is not followed by two hexadecimal digits');
  }
}
