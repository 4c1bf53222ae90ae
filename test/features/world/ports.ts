/** Ports for one scenario, away from those that the kernel gives to anybody and from those of runs beside this one. */

import { createServer } from 'node:net';

export const portsEach = 10;
const [lowest, ranges] = [20_000, 700];

/** The first of `portsEach` neighbours that are all free now. Ranges follow one another, beginning where this process has its place. */
export function portSource(pid: number): () => Promise<number> {
  let next = (pid * 101) % ranges;
  return async () => {
    for (let tried = 0; tried < ranges; tried += 1) {
      const first = lowest + next * portsEach;
      next = (next + 1) % ranges;
      const free = await Promise.all(Array.from({ length: portsEach }, (_, at) => isFree(first + at)));
      if (free.every(Boolean)) return first;
    }
    throw new Error(`no ${portsEach} neighbouring ports are free from ${lowest} on`);
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
