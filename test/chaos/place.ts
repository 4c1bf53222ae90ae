/** Where a run of chaos happens: a directory of its own, the inventory in it, ports that nobody has, and a small disk for the state where that may be mounted. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** So many ports belong to a run: one for each replica, and some to spare. */
const portCount = 40;

export class Place {
  private constructor(
    readonly dir: string,
    readonly firstPort: number,
    /** Whether the state has a disk of its own, which can be full without harm to anybody else. */
    readonly hasOwnDisk: boolean,
  ) {}

  static async make(diskMiB: number): Promise<Place> {
    const dir = mkdtempSync(join(tmpdir(), 'poolctl-chaos-'));
    const state = join(dir, 'state');
    mkdirSync(state, { mode: 0o700 });
    const options = `size=${diskMiB}m,mode=0700`;
    const mounted = process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', state]).status === 0;
    return new Place(dir, await freePorts(), mounted);
  }

  get state(): string {
    return join(this.dir, 'state');
  }

  get inventory(): string {
    return join(this.dir, 'pools.yaml');
  }

  get socket(): string {
    return join(this.state, 'poolctl.sock');
  }

  get ports(): string {
    return `${this.firstPort}-${this.firstPort + portCount - 1}`;
  }

  /** Ends it. Where it is to be looked at later, what lies on its own disk is copied first. */
  leave(keep: boolean): void {
    if (keep && this.hasOwnDisk) {
      // Sockets cannot be copied, and tell nothing.
      const filter = (path: string): boolean => !path.endsWith('.sock') && !path.endsWith('filler');
      cpSync(this.state, join(this.dir, 'state-kept'), { recursive: true, filter });
    }
    if (this.hasOwnDisk) spawnSync('umount', ['-l', this.state]);
    if (!keep) rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The first of so many in a row that can all be bound now. */
async function freePorts(): Promise<number> {
  for (let first = 31_000 + (process.pid % 40) * 100; first < 60_000; first += 100) {
    const free = await Promise.all(Array.from({ length: portCount }, (_, n) => isFree(first + n)));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no row of free ports was found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
