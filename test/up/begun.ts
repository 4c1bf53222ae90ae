/** A whole supervisor in this process, with a pool of two engines that answer on their port. */

import { EventEmitter } from 'node:events';
import { Client } from '../../src/api/client.js';
import type { EventLine } from '../../src/api/wire.js';
import type { Event } from '../../src/core/events.js';
import type { Device, PoolSpec, SupervisorSpec } from '../../src/core/model.js';
import type { KernelSources } from '../../src/host/kernel.js';
import { supervisorPaths } from '../../src/host/paths.js';
import type { News } from '../../src/up/news.js';
import { up } from '../../src/up.js';
import { inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';

const engine = `require('node:http').createServer((q, s) => s.end()).listen(Number(process.argv[1]), '127.0.0.1')`;

export type Begin = {
  /** Files run beside each other: each has its own hundred. @default 29_100 */
  readonly ports?: number;
  /** @default two replicas on the mask cpu */
  readonly masks?: PoolSpec['masks'];
  readonly devices?: readonly Device[];
  readonly kernel?: KernelSources;
  /** Of the journal. @default as the inventory's */
  readonly events?: SupervisorSpec['events'];
};

export function begin(dir: string, { ports = 29_100, masks, devices = [], kernel, events = supervisorSpec.events }: Begin = {}) {
  const { health, restart } = poolSpec('chat', 1);
  const spec = poolSpec('chat', 2, {
    command: [process.execPath, '-e', engine, '${PORT}'],
    health: { ...health, startupIntervalMs: 20 },
    restart: { ...restart, backoff: { ...restart.backoff, initialMs: 20, minMs: 0 } },
    ...(masks === undefined ? {} : { masks }),
  });
  const inventory = {
    ...inventoryOf(spec),
    supervisor: { ...supervisorSpec, ports: { from: ports, to: ports + 99 }, devicePollMs: 3_600_000, events },
  };
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  const signals = new EventEmitter();
  const bugs: unknown[] = [];
  let news: News | null = null;
  const lines: EventLine[] = [];
  const waiting = new Set<() => void>();
  const exit = up(
    {
      inventory,
      devices: { devices, tool: devices.length === 0 ? 'none' : 'working', note: null, processes: null, askedAt: 0 },
      paths,
      named: [],
      exitOnAllFailed: false,
      version: '0.0.0',
      demoScript: '',
      treeKillScript: '',
      redactArgs: (args) => args,
      reread: async () => ({ inventory, problems: [], file: 'pools.yaml', devices: null }),
      ...(kernel === undefined ? {} : { kernel }),
    },
    {
      pid: process.pid,
      uid: process.getuid?.() ?? 0,
      env: process.env,
      signals,
      lostTerminal: () => false,
      face(look) {
        news = look.news;
        news.onLine((line) => {
          lines.push(line);
          for (const look of waiting) look();
        });
        return { stopping: () => undefined, close: () => undefined };
      },
      onBug: (error) => bugs.push(error),
    },
  );
  const seen = (count: number, event: string) =>
    new Promise<readonly EventLine[]>((resolve) => {
      const look = (): void => {
        const found = lines.filter((line) => line.event === event);
        if (found.length < count) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const publish = (event: Event): void => news?.publish(event);
  return { exit, signals, seen, publish, bugs, client: new Client({ socketPath: paths.socket, doing: 'test' }), paths };
}
