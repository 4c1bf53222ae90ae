/**
 * The HTTP API on the Unix socket. Whoever may open the socket may ask for everything: its mode is all that guards it.
 * Only the holder of the state directory's lock may open it, since it removes what lies at the socket's path.
 */

import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { PoolctlError } from '../errors.js';
import { answer } from './answer.js';
import { closed, makeServer } from './bounds.js';
import type { Service } from './service.js';

export type ApiOptions = {
  readonly socketPath: string;
  readonly service: Service;
  /** Told of bugs; the server goes on. */
  readonly onError: (error: unknown) => void;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
};

export type ApiServer = {
  /**
   * Makes the socket again where its file is gone or another lies in its place: logging out clears the runtime directory, and a living supervisor could
   * not be reached any more. Connections that stand go on. Rejects where it cannot be made.
   */
  restore(): Promise<void>;
  /** Ends streams and waits, removes the socket, and resolves when nobody is connected any more. */
  close(): Promise<void>;
};

/** Listens, with mode 0600 from the first instant. @throws PoolctlError LISTEN_FAILED */
export async function openApi({ socketPath, service, onError, now = Date.now }: ApiOptions): Promise<ApiServer> {
  const closing = new AbortController();
  const desk = { service, closing: closing.signal, now, admit: null };
  const servers = new Set<Server>();
  let inode = 0;

  const listen = async (): Promise<void> => {
    const server = makeServer((request, response) => answer(request, response, desk), onError);
    await listenPrivately(server, socketPath);
    server.on('error', onError);
    servers.add(server);
    server.once('close', () => servers.delete(server));
    inode = (await lstat(socketPath)).ino;
  };

  await listen().catch((error: Error) => {
    throw new PoolctlError('LISTEN_FAILED', `cannot listen on "${socketPath}": ${error.message}`, {
      hint: 'name another socket: --socket PATH or $POOLCTL_SOCKET',
      exit: 1,
    });
  });
  return {
    async restore() {
      const found = await lstat(socketPath).catch(() => null);
      if (found?.ino === inode || closing.signal.aborted) return;
      for (const server of servers) server.close();
      await listen();
    },
    async close() {
      closing.abort();
      await Promise.all([...servers].map(closed));
    },
  };
}

/** Removes what a dead supervisor left at the path. The umask is ambient, so it is changed only around the one synchronous bind. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
