/** From method and path to a route. Pure. */

import { PoolctlError } from '../errors.js';
import type { Route } from './routes.js';

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

/** HEAD is answered wherever GET is. Throws INVALID_PARAMS for a path that cannot be decoded. */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const parts = path.split('/').map(decoded);
  const fitting = routes.flatMap((route) => {
    const params = paramsOf(route.path, parts);
    return params === null ? [] : [{ route, params }];
  });
  const wanted = method === 'HEAD' ? 'GET' : method;
  const found = fitting.find(({ route }) => route.method === wanted);
  if (found !== undefined) return { kind: 'found', ...found };
  if (fitting.length === 0) return { kind: 'nothing' };
  return {
    kind: 'wrong-method',
    allow: fitting.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])),
  };
}

function paramsOf(pattern: string, parts: readonly string[]): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/');
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
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PoolctlError('INVALID_PARAMS', 'cannot read the path: a % is not followed by two hexadecimal digits');
  }
}
