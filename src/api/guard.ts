/**
 * Who may ask on TCP, by the head of a request. A token keeps strangers out; the names of the request keep out pages that a browser of this
 * machine shows: such a page can make it ask at any address, and, with a name of its own that it points here, even read the answers.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { PoolctlError } from '../errors.js';
import { type Address, formatAddress, isLoopback } from '../text/address.js';

export type Names = {
  /** Where it listens, as it was told. */
  readonly listen: Address;
  /** What the machine calls itself. */
  readonly machine: string;
};

/** Null where the request is for us, and no other site's page makes it. `hosts` are all Host headers that came. */
export function strangeness(names: Names, headers: IncomingHttpHeaders, hosts: readonly string[]): PoolctlError | null {
  const [host] = hosts;
  if (host === undefined || hosts.length > 1)
    return new PoolctlError('INVALID_PARAMS', 'cannot use the API: the request must have one Host header');
  const named = hostIn(host);
  if (named === null || !isOurs(named, names)) {
    return new PoolctlError(
      'FORBIDDEN_ORIGIN',
      `cannot use the API: the request is for "${shown(host)}", and that is none of our names`,
      {
        hint: `ask at ${formatAddress(reachedAt(names.listen))}, or name that host in supervisor.listen`,
      },
    );
  }
  const { origin } = headers;
  if (origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`) return null;
  return new PoolctlError(
    'FORBIDDEN_ORIGIN',
    `cannot use the API: a page of "${shown(origin)}" asks, and pages of other sites may not`,
  );
}

/** The `Bearer` token of a request; null where there is none. */
export function bearerIn({ authorization = '' }: IncomingHttpHeaders): string | null {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1] ?? null;
}

/**
 * An address names us where it can be ours: no page can claim one. Of names only those count that were agreed on, since any other may be a
 * page's that points here. The port does not count, for those who come through a tunnel.
 */
function isOurs(named: string, { listen, machine }: Names): boolean {
  if (named === listen.host || isLoopback(named)) return true;
  if (isLoopback(listen.host)) return false;
  return isIP(named) !== 0 || (isWildcard(listen.host) && named === machine.toLowerCase());
}

/** As a URL would have it, so that other ways to write an address count as that address; null for what is no host. */
function hostIn(header: string): string | null {
  if (!/^[A-Za-z0-9.:[\]_-]{1,255}$/.test(header)) return null;
  try {
    return new URL(`http://${header}`).hostname.replace(/^\[(.*)\]$/, '$1').replace(/(?<=.)\.$/, '');
  } catch {
    return null;
  }
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || /^[0:]+$/.test(host);

function reachedAt({ host, port }: Address): Address {
  return { host: isWildcard(host) ? '127.0.0.1' : host, port };
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
