/** Where `up` listens on TCP, if anywhere, and with which token: what the inventory and the environment say of it, carried out. */

import { hostname } from 'node:os';
import { fixedToken, type Token, type TokenRead, tokenInFile } from '../api/bearer.js';
import { openTcp, type TcpApi, type TcpOptions } from '../api/listen.js';
import type { SupervisorSpec } from '../core/model.js';
import { PoolctlError } from '../errors.js';
import { isLoopback, parseAddress } from '../text/address.js';

export type ListenWorld = Pick<TcpOptions, 'holder' | 'onError'> & {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
};

/**
 * Takes the address; null where none is wanted. The inventory's check has told of most that can be wrong; it is held to once more, since on
 * this door nothing else does. @throws PoolctlError INVENTORY_INVALID, LISTEN_FAILED
 */
export async function openListener(
  { listen, tokenFile }: Pick<SupervisorSpec, 'listen' | 'tokenFile'>,
  { env, uid, ...rest }: ListenWorld,
): Promise<TcpApi | null> {
  if (listen === null) return null;
  const address = parseAddress(listen);
  const refused = (why: string, hint: string): PoolctlError =>
    new PoolctlError('INVENTORY_INVALID', `cannot listen on ${listen}: ${why}`, { hint });
  if (address === null) throw refused('it is not host:port', 'listen on 127.0.0.1:9200');
  const token = await tokenOf(tokenFile, env.POOLCTL_TOKEN, uid);
  if (token === null && !isLoopback(address.host))
    throw refused('others can reach it, and there is no token', 'set token_file or $POOLCTL_TOKEN, or listen on 127.0.0.1');
  return openTcp({ address, token, machine: hostname(), ...rest });
}

/** The file counts before the variable, as all that stands in the inventory does. */
async function tokenOf(file: string | null, variable: string | undefined, uid: number): Promise<Token | null> {
  if (file !== null) return usable(await tokenInFile(file, uid), `token_file "${file}"`, `chmod 600 ${file}`);
  if (variable === undefined || variable === '') return null;
  return usable(fixedToken(variable), '$POOLCTL_TOKEN', 'openssl rand -hex 32');
}

function usable(read: TokenRead, what: string, hint: string): Token {
  if (read.ok) return read.token;
  throw new PoolctlError('INVENTORY_INVALID', `cannot use ${what}: ${read.why}`, { hint });
}
