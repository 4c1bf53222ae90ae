/** Whether a launch may have the memory of its devices, by the world and not by what the supervisor was told. */

import type { Launch } from '../../src/core/messages.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';
import type { Supervisor } from './supervisor.js';

/** The devices' data may be so old before a launch, at the longest poll. */
const staleMs = 130_000;
/** How long a launch waits for memory that is being given back. */
const releaseMs = 10_000;

/** What is wrong with launching there now; null: nothing, or nobody could know. */
export function misfit(launch: Launch, machine: Machine, supervisor: Supervisor): string | null {
  const { gpus, now } = machine;
  if (gpus.toolFails || now - gpus.changedAt < staleMs || now - supervisor.quietSince < staleMs) return null;
  for (const { index } of launch.devices) {
    if (gpus.sick.has(index) || gpus.gone.has(index)) return `GPU ${index} cannot be used`;
    const lacking = isUnknowable(launch, index, machine, supervisor) ? null : overcommitted(launch, index, machine);
    if (lacking !== null) return lacking;
  }
  return null;
}

/** A neighbour of which nobody says what it needs is loading, as far as the supervisor can see: what it will have taken is anybody's guess. */
function isUnknowable({ instance }: Launch, index: string, { processes }: Machine, { state }: Supervisor): boolean {
  return processes.leaders().some(({ key, launch, ...each }) => {
    if (each.instance === instance || launch.spec.vramBytes !== null) return false;
    const life = [...state.pools.values()].flatMap(({ replicas }) => replicas).find((replica) => replica.key === key)?.life;
    return launch.devices.some((device) => device.index === index) && life?.state !== 'ready' && life?.state !== 'unhealthy';
  });
}

/** Two launches that count the same free memory. What a dead engine holds yet is waited for, but not for ever. */
function overcommitted({ spec, instance }: Launch, index: string, { gpus, processes, now }: Machine): string | null {
  if (spec.vramBytes === null) return null;
  const loading = processes
    .leaders()
    .filter(
      (each) =>
        each.instance !== instance &&
        each.loadedAt === null &&
        !each.killed &&
        each.launch.devices.some((device) => device.index === index),
    );
  const claimed = loading.reduce((sum, each) => sum + stillToCome(each), 0);
  const free = gpus.freeBytes(
    index,
    [...processes.living.values()].filter((each) => each.instance !== instance),
    now,
  );
  if (free - claimed >= spec.vramBytes) return null;
  return `${spec.poolId} needs ${spec.vramBytes} bytes of GPU ${index}: ${free} are free, and launches will take ${claimed} of them`;
}

const loadingBytes = 2 * 2 ** 30;
const stillToCome = ({ launch: { spec } }: Process): number => Math.max(0, (spec.vramBytes ?? 0) - loadingBytes);

/** Launched where an engine that has ended still holds its memory, although there was time left to wait. `given`: told to be past ending. */
export function hasty(
  launch: Launch,
  { gpus, processes, now }: Machine,
  { quietSince }: Supervisor,
  given: ReadonlySet<string>,
): string | null {
  if (gpus.toolFails || now - gpus.changedAt < staleMs) return null;
  for (const before of gpus.lingering(now)) {
    const { key, incarnation, instance } = before;
    const device = launch.devices.find(({ uuid }) => before.launch.devices.some((each) => each.uuid === uuid));
    const shared = key !== launch.key && before.launch.spec.share && launch.spec.share;
    const endedAt = processes.leaderEndedAt(instance);
    // An end that this supervisor was not there for, or has nobody to learn it from, is none that it could wait after.
    if (device === undefined || shared || given.has(instance) || endedAt === null || endedAt < quietSince) continue;
    if (now - endedAt < releaseMs - 1_000)
      return `${launch.key} is launched on GPU ${device.index} while ${key} #${incarnation} still holds its memory`;
  }
  return null;
}
