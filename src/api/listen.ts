/** The same API on TCP, for those who cannot open the socket: behind the names of the listener, and behind a token where there is one. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PoolctlError } from '../errors.js';
import { type Address, formatAddress } from '../text/address.js';
import { answer } from './answer.js';
import type { Token } from './bearer.js';
import { closed, makeServer } from './bounds.js';
import { bearerIn, strangeness } from './guard.js';
import type { Service } from './service.js';

export type TcpOptions = {
  readonly address: Address;
  /** Null: whoever reaches the address may ask for everything. */
  readonly token: Token | null;
  /** What the machine calls itself. */
  readonly machine: string;
  /** Who listens there: `pid 812 (python3)`; null where nobody is seen. */
  readonly holder: (host: string, port: number) => Promise<string | null>;
  /** Told of bugs; the server goes on. */
  readonly onError: (error: unknown) => void;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
};

export type TcpApi = {
  /** `host:port` as it was told, with the port that was given where 0 was asked for. */
  readonly listen: string;
  /** Begins to answer; who came before waits. */
  serve(service: Service): void;
  /** Ends streams and waits, and resolves when nobody is connected any more. */
  close(): Promise<void>;
};

/**
 * Takes the address, and answers as soon as it is told by whom: so that one that is taken is known before anything has been touched.
 * @throws PoolctlError LISTEN_FAILED
 */
export async function openTcp({ address, token, machine, holder, onError, now = Date.now }: TcpOptions): Promise<TcpApi> {
  const closing = new AbortController();
  let serve: (service: Service) => void = () => {};
  const service = new Promise<Service>((resolve) => {
    serve = resolve;
  });
  const admit = async (request: IncomingMessage): Promise<void> => {
    const stranger = strangeness({ listen: address, machine }, request.headers, request.headersDistinct.host ?? []);
    if (stranger !== null) throw stranger;
    if (token !== null) await checkToken(token, bearerIn(request.headers));
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // An engine's log is a text, whatever a browser would make of it.
    response.setHeader('x-content-type-options', 'nosniff');
    await answer(request, response, { service: await service, closing: closing.signal, now, admit });
  };
  const server = makeServer(handle, onError);
  await bind(server, address).catch(async (error: NodeJS.ErrnoException) => {
    throw await cannotListen(address, error, holder);
  });
  server.on('error', onError);
  // The socket is what keeps a supervisor alive; one that could not begin is not to be kept by this.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    listen: formatAddress({ ...address, port }),
    serve,
    async close() {
      closing.abort();
      await closed(server);
    },
  };
}

async function checkToken(token: Token, sent: string | null): Promise<void> {
  const { ok, trouble } = await token.check(sent ?? '');
  if (ok) return;
  if (trouble !== null)
    throw new PoolctlError('UNAUTHORIZED', 'cannot use the API: the supervisor has no token to compare with', {
      why: `its token_file cannot be used: ${trouble}`,
      hint: 'set it right; it is read again at once',
    });
  throw new PoolctlError('UNAUTHORIZED', `cannot use the API: ${sent === null ? 'no token was sent' : 'the token is wrong'}`, {
    hint: 'send "Authorization: Bearer TOKEN" with what token_file or $POOLCTL_TOKEN holds for the supervisor',
  });
}

/** `localhost` is what 127.0.0.1 is, and not what a resolver may make of it: on that it depends who reaches us. */
function bind(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function cannotListen(
  { host, port }: Address,
  { code, message }: NodeJS.ErrnoException,
  holder: TcpOptions['holder'],
): Promise<PoolctlError> {
  const cannot = `cannot listen on ${formatAddress({ host, port })}`;
  if (code !== 'EADDRINUSE')
    return new PoolctlError('LISTEN_FAILED', `${cannot}: ${phrases[code ?? ''] ?? message}`, {
      hint: 'choose another address: supervisor.listen or $POOLCTL_LISTEN',
      exit: 1,
    });
  const who = (await holder(host === 'localhost' ? '127.0.0.1' : host, port)) ?? 'a process that cannot be seen from here';
  return new PoolctlError('LISTEN_FAILED', `${cannot}: the port is held by ${who}`, {
    hint: 'end that process, or choose another port: supervisor.listen or $POOLCTL_LISTEN',
  });
}

const phrases: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'the host is no address of this machine',
  EACCES: 'no permission for this port',
  ENOTFOUND: 'no such host',
};
