/** From method and path to a route. Pure. */

import { PoolctlError } from '../errors.js';
import type { Route } from './routes.js';

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

export type Matcher = (method: string, path: string) => Match;

/** HEAD is answered wherever GET is. A matcher throws INVALID_PARAMS for a path that cannot be decoded. */
export function matcherOf(routes: readonly Route[]): Matcher {
  const patterns = routes.map((route) => ({ route, wanted: route.path.split('/') }));
  return (method, path) => {
    const parts = path.split('/').map(decoded);
    const fitting = patterns.flatMap(({ route, wanted }) => {
      const params = paramsOf(wanted, parts);
      return params === null ? [] : [{ route, params }];
    });
    const sought = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ route }) => route.method === sought);
    if (found !== undefined) return { kind: 'found', ...found };
    if (fitting.length === 0) return { kind: 'nothing' };
    return {
      kind: 'wrong-method',
      allow: fitting.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])),
    };
  };
}

function paramsOf(wanted: readonly string[], parts: readonly string[]): Readonly<Record<string, string>> | null {
  if (wanted.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [i, want] of wanted.entries()) {
    const part = parts[i] ?? '';
    if (want.startsWith('{')) {
      if (part === '') return null;
      params[want.slice(1, -1)] = part;
    } else if (want !== part) return null;
  }
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
