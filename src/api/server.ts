/**
 * The HTTP API on the Unix socket. Whoever may open the socket may ask for everything: its mode is all that guards it.
 * Only the holder of the state directory's lock may open it, since it removes what lies at the socket's path.
 */

import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { answer } from './answer.js';
import { closed, makeServer } from './bounds.js';
import type { Service } from './service.js';

export type ApiOptions = {
  readonly socketPath: string;
  readonly service: Service;
  /** Told of bugs, and of a socket that could not be made again; the server goes on. */
  readonly onError: (error: unknown) => void;
  /** How often it is looked whether the socket file is still there. @default 15000 */
  readonly watchEveryMs?: number;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
};

export type ApiServer = {
  /** Ends streams and waits, removes the socket, and resolves when nobody is connected any more. */
  close(): Promise<void>;
};

/** Listens, with mode 0600 from the first instant. Rejects where the path cannot be listened on. */
export async function openApi({
  socketPath,
  service,
  onError,
  watchEveryMs = 15_000,
  now = Date.now,
}: ApiOptions): Promise<ApiServer> {
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

  /** Logging out clears the runtime directory: without this a living supervisor could not be reached any more. */
  const restore = async (): Promise<void> => {
    const found = await lstat(socketPath).catch(() => null);
    if (found?.ino === inode || closing.signal.aborted) return;
    for (const server of servers) server.close();
    await listen();
  };

  await listen();
  let restoring = false;
  const watch = setInterval(() => {
    if (restoring) return;
    restoring = true;
    void restore()
      .catch(onError)
      .finally(() => {
        restoring = false;
      });
  }, watchEveryMs);
  watch.unref();

  return {
    async close() {
      clearInterval(watch);
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
