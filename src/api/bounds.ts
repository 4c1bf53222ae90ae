/** What any client may cost the supervisor, wherever it listens: time, connections, bytes. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuseMalformed } from './malformed.js';

const limits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  // A socket has no names to choose from, and elsewhere it is looked at by hand: what Node refuses for this it refuses without a word.
  requireHostHeader: false,
  // Of TCP alone: a client whose machine has gone leaves no trace in a stream that has nothing to tell.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
};

/** Of each server by itself, so that a crowd on TCP shuts nobody out of the socket. */
const maxConnections = 256;

/** `handle` rejects with bugs only: they are told, and the connection goes. */
export function makeServer(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  onError: (error: unknown) => void,
): Server {
  const server = createServer(limits, (request, response) => {
    void handle(request, response).catch((error) => {
      onError(error);
      response.destroy();
    });
  });
  // Node would refuse what it does not know with 417 and no body; to go on without is allowed.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  refuseMalformed(server);
  server.maxConnections = maxConnections;
  return server;
}

/** Streams have been told to end; whoever does not let go within a second is cut off. */
export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1000).unref();
  });
}
