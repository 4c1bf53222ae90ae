/** Somebody else's server on a port that an engine wants: healthy by its answers, and not the engine. */

import { once } from 'node:events';
import { createServer } from 'node:http';

export type Stranger = { leave(): Promise<void> };

export async function strangerOn(port: number): Promise<Stranger> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  let left = false;
  return {
    async leave() {
      if (left) return;
      left = true;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
