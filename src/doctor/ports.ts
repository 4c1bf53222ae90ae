/** Who holds the ports that the inventory's replicas are to have. */

import type { PortFacts } from '../checkup/supervision.js';
import type { Inventory, PoolSpec } from '../core/model.js';
import { bindError, portHolder, readListeners } from '../host/net.js';
import type { Processes } from '../shell/processes.js';
import { parseAddress } from '../text/address.js';

/** `ours`: ports of engines that run as they should, and whether our supervisor listens on TCP already. */
export async function readPorts(
  { pools, supervisor }: Inventory,
  ours: { readonly ports: ReadonlySet<number>; readonly listens: boolean },
  processes: Pick<Processes, 'sweep'>,
): Promise<PortFacts> {
  const { from, to } = supervisor.ports;
  const held: { port: number; by: string; whose: string }[] = [];
  const look = async (host: string, port: number, whose: string): Promise<void> => {
    const error = await bindError(host, port);
    if (error === null) return;
    const holder = error === 'EADDRINUSE' ? await portHolder(host, port, () => processes.sweep()) : null;
    held.push({ port, whose, by: holder === null ? (phrases[error] ?? error) : `held by ${holder}` });
  };
  for (const pool of pools)
    for (const { port, key } of fixedPorts(pool)) if (!ours.ports.has(port)) await look(pool.host, port, key);
  const listen = supervisor.listen === null || ours.listens ? null : parseAddress(supervisor.listen);
  if (listen !== null) await look(listen.host, listen.port, 'supervisor.listen');
  const listening = new Set((await readListeners()).map(({ port }) => port));
  const free = Array.from({ length: to - from + 1 }, (_, at) => from + at).filter((port) => !listening.has(port)).length;
  const given = [...ours.ports].filter((port) => port >= from && port <= to).length;
  const auto = pools.filter(({ port }) => port === 'auto').reduce((sum, { masks }) => sum + masks.length, 0);
  return { held, free, range: `${from}-${to}`, wanted: Math.max(0, auto - given) };
}

const phrases: Readonly<Record<string, string>> = {
  EADDRINUSE: 'held by a process that cannot be seen from here',
  EADDRNOTAVAIL: 'its host is no address of this machine',
  EACCES: 'no permission for this port',
  ENOTFOUND: 'there is no such host',
};

function fixedPorts({ poolId, port, masks }: PoolSpec): readonly { readonly port: number; readonly key: string }[] {
  return port === 'auto' ? [] : masks.map((_, at) => ({ port: port + at, key: `${poolId}/r${at}` }));
}
