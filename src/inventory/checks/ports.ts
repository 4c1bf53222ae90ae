/** Can every replica have the port that the file gives it? */

import { type Check, type Draft, type DraftPool, placeAt, problem } from '../draft.js';
import { type Problem, quoted } from '../problem.js';
import { positionOf } from '../source.js';

export const checkPorts: Check = (draft) => {
  const fixed = draft.pools
    .filter(({ isSpoilt }) => !isSpoilt('port') && !isSpoilt('host') && !isSpoilt('device_masks'))
    .filter(hasFixedPort);
  return [...beyondLast(draft, fixed), ...collisions(draft, fixed), ...range(draft)];
};

type FixedPool = DraftPool & { readonly settings: { readonly port: number } };

function hasFixedPort(pool: DraftPool): pool is FixedPool {
  return pool.settings.port !== 'auto';
}

function beyondLast(draft: Draft, pools: readonly FixedPool[]): readonly Problem[] {
  return pools.flatMap((pool) => {
    const last = pool.settings.port + pool.masks.length - 1;
    if (last <= 65535) return [];
    const message = `pools.${pool.id}.port is ${pool.settings.port}, and its replica r${pool.masks.length - 1} would need port ${last}; the last port is 65535`;
    return [problem(draft, pool.place(['port']), { code: 'INVALID_VALUE', message, hint: 'replica N listens on port + N' })];
  });
}

type Holder = { readonly pool: FixedPool; readonly replica: number };

/** Each pair of pools is told once, at the first port that they both want. */
function collisions(draft: Draft, pools: readonly FixedPool[]): readonly Problem[] {
  const listen = listenPort(draft);
  const held = new Map<number, Map<string, Holder>>();
  const told = new Set<string>();
  const problems: Problem[] = [];
  for (const pool of pools) {
    const host = hostOf(pool.settings.host);
    for (let replica = 0; replica < pool.masks.length; replica += 1) {
      const port = pool.settings.port + replica;
      const holders = held.get(port) ?? new Map<string, Holder>();
      held.set(port, holders);
      const rival = host === anyHost ? [...holders.values()][0] : (holders.get(host) ?? holders.get(anyHost));
      if (rival !== undefined && !told.has(`${rival.pool.id} ${pool.id}`)) {
        told.add(`${rival.pool.id} ${pool.id}`);
        problems.push(collision(draft, port, rival, { pool, replica }));
      }
      if (listen !== null && listen.port === port && (host === anyHost || listen.host === anyHost || listen.host === host)) {
        const message = `port ${port} is wanted by ${quoted(pool.id)} (r${replica}) and by supervisor.listen`;
        problems.push(problem(draft, pool.place(['port']), { code: 'PORT_CONFLICT', message }));
      }
      if (!holders.has(host)) holders.set(host, { pool, replica });
    }
  }
  return problems;
}

function collision(draft: Draft, port: number, first: Holder, second: Holder): Problem {
  const other = positionOf(draft.source, first.pool.place(['port']).range.start);
  const own = second.pool.own.port === undefined ? second.pool.key : second.pool.place(['port']);
  return problem(draft, own, {
    code: 'PORT_CONFLICT',
    message: `port ${port} is wanted by ${quoted(first.pool.id)} (r${first.replica}) and ${quoted(second.pool.id)} (r${second.replica})`,
    hint: `also at ${draft.source.file}:${other.line}:${other.column}; replica N listens on port + N`,
  });
}

const anyHost = '*';

function hostOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return anyHost;
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase();
}

function listenPort({ supervisor, isSupervisorSpoilt }: Draft): { readonly host: string; readonly port: number } | null {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(supervisor.listen ?? '') ?? [];
  return host === undefined || isSupervisorSpoilt('listen') ? null : { host: hostOf(host), port: Number(port) };
}

/** Is `supervisor.ports` a range, and has it room for all that want a port of it? */
function range(draft: Draft): readonly Problem[] {
  if (draft.isSupervisorSpoilt('ports')) return [];
  const [from = 0, to = 0] = draft.supervisor.ports.split('-').map(Number);
  const place = placeAt(draft, ['supervisor', 'ports']) ?? placeAt(draft, ['pools']);
  if (place === null) return [];
  if (from < 1 || to > 65535 || from > to) {
    const message = `supervisor.ports must go from a lower to a higher port, within 1-65535, is "${draft.supervisor.ports}"`;
    return [problem(draft, place, { code: 'INVALID_VALUE', message })];
  }
  const wanted = draft.pools.reduce((sum, { settings, masks }) => sum + (settings.port === 'auto' ? masks.length : 0), 0);
  if (wanted <= to - from + 1) return [];
  const message = `supervisor.ports has ${to - from + 1} ports, and ${wanted} replicas want one of it`;
  return [
    problem(draft, place, { code: 'INVALID_VALUE', message, hint: `such as ${from}-${Math.min(65535, from + wanted + 99)}` }),
  ];
}
