/** Ports for one scenario, away from those that the kernel gives to anybody. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

export const portsEach = 10;
/** One more than a scenario gets: whoever listens on that one has the others, of all the processes and runs on this machine. */
const width = portsEach + 1;
const ranges = 630;

export type Ports = {
  /** The first of `portsEach` neighbours. */
  readonly first: number;
  /** They are somebody else's from now on. */
  release(): Promise<void>;
};

/** Neighbours that are all free now. Ranges follow one another, beginning where this process has its place. */
export function portSource(pid: number, lowest = 20_000): () => Promise<Ports> {
  let next = (pid * 101) % ranges;
  return async () => {
    for (let tried = 0; tried < ranges; tried += 1) {
      const first = lowest + next * width;
      next = (next + 1) % ranges;
      const claim = await listen(first + portsEach);
      if (claim === null) continue;
      const free = await Promise.all(Array.from({ length: portsEach }, (_, at) => isFree(first + at)));
      if (free.every(Boolean)) return { first, release: () => close(claim) };
      await close(claim);
    }
    throw new Error(`no ${portsEach} neighbouring ports are free from ${lowest} on`);
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server !== null) await close(server);
  return server !== null;
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
