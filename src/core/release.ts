/**
 * Before a launch: whether what is free on its devices has been seen since that last changed. A driver takes its time to give the memory of an ended
 * engine back, and one that has just loaded has taken nobody knows how much. It is the devices that are waited for, and not the replica: whoever was
 * there last may have had another place, or one that the inventory no longer has.
 */

import { resolveMask } from './devices.js';
import { isLive, isServing, type Life } from './life.js';
import type { Launch } from './messages.js';
import type { Device, Instant, PoolSpec } from './model.js';
import type { Replica } from './replica.js';
import type { Freed, State } from './state.js';
import { heldBytes, holders, shortage } from './vram.js';
import { gib } from './words.js';

/** So long at most; then the preflight decides, and names who holds the memory. */
const releaseMs = 10_000;

/**
 * Why the replica's devices are not free of their last engines yet, as far as the tool can tell: nobody has looked since, one is still listed, or
 * less is free than the next one needs. `look`: when to look again; null: as soon as it can be.
 */
export type Unreleased = { readonly until: Instant; readonly why: string; readonly lookAt: Instant | null };

/** `spec`: of the launch that is to come. */
export function unreleased(replica: Replica, spec: PoolSpec, state: State): Unreleased | null {
  const { devices } = state;
  if (devices.tool !== 'working') return null;
  const wanted = wantedBy(replica, state);
  const changed = spec.vramBytes === null ? null : changedBeside(replica, wanted, state);
  if (changed !== null) return changed;
  const freed = state.freed.filter(
    (each) => isWaitedFor(each, replica, spec) && isOn(each.uuids, wanted) && isRecent(each, state),
  );
  const last = freed.at(-1);
  if (last === undefined) return null;
  const until = last.at + releaseMs;
  const left = wanted.filter(({ uuid }) => freed.some(({ uuids }) => uuids.includes(uuid)));
  const where = `GPU ${left.map(({ index }) => index).join(',')}`;
  const of = (key: string): string => (key === replica.key ? 'its last engine' : key);
  if (devices.askedAt <= last.at) {
    const memory = last.key === replica.key ? 'its memory' : `the memory of ${last.key}`;
    const what = last.instance === null ? `it is seen what is free on ${where}` : `${memory} on ${where} is given back`;
    return { until, lookAt: null, why: `waits until ${what}` };
  }
  const again = { until, lookAt: devices.seenAt + lookEveryMs };
  const listed = freed.filter(
    (each) => each.instance !== null && devices.processes?.some(({ instance }) => instance === each.instance) === true,
  );
  if (listed.length > 0) {
    const bytes = listed.reduce((sum, { instance }) => sum + (heldBytes(instance ?? '', devices) ?? 0), 0);
    const who = [...new Set(listed.map(({ key }) => of(key)))].join(', ');
    return { ...again, why: `waits until ${who} gives back ${bytes > 0 ? `${gib(bytes)} on ` : ''}${where}` };
  }
  if (shortage(replica, spec, wanted, state) === null) return null;
  const by = holders(left, replica.key, state);
  return { ...again, why: `waits for memory on ${where}${by === null ? '' : `, held by ${by}`}` };
}

const lookEveryMs = 500;

/** What a neighbour that shares the device had is no more its own than what that one has. */
function isWaitedFor({ key, instance, share }: Freed, replica: Replica, spec: PoolSpec): boolean {
  return key === replica.key || (instance !== null && !(share && spec.share));
}

const isRecent = ({ at }: Freed, { devices: { seenAt } }: State): boolean => seenAt < at + releaseMs;

/** One that has ended, or that nobody finds where one was written down: its devices are not free before the driver says so. */
export function withFreed(state: State, before: Life, after: Life, at: Instant): State {
  const launch = isLive(before) ? before.engine.launch : isSought(before) ? before.launch : null;
  return launch === null || isLive(after) || isSought(after) ? state : freedOf([ended(launch, at)], state);
}

/** Written down by an earlier supervisor: there may have been a process. */
function isSought(life: Life): life is Extract<Life, { phase: 'spawning' }> {
  return life.state === 'preparing' && life.phase === 'spawning' && life.sought !== null;
}

function ended({ key, instance, devices, spec: { share } }: Launch, at: Instant): Freed {
  return { key, instance, uuids: devices.map(({ uuid }) => uuid), share, at };
}

function freedOf(freed: readonly Freed[], state: State): State {
  const more = freed.filter(({ uuids }) => uuids.length > 0);
  return more.length === 0 ? state : { ...state, freed: [...state.freed.filter((each) => isRecent(each, state)), ...more] };
}

/** Engines that had no place in this inventory are gone: whoever comes after them on their devices waits for their memory as for one of its own. */
export function withoutLeftovers(state: State, at: Instant): State {
  const gone = state.leftovers.map(
    ({ key, instance, devices }): Freed => ({ key, instance, uuids: devices.map(({ uuid }) => uuid), share: false, at }),
  );
  return freedOf(gone, { ...state, leftovers: [] });
}

/** Nobody may have looked at the devices of new places for long: they are looked at first. */
export function withUnseen(state: State, replicas: readonly Replica[], at: Instant): State {
  const unseen = replicas.map(
    (replica): Freed => ({
      key: replica.key,
      instance: null,
      uuids: wantedBy(replica, state).map(({ uuid }) => uuid),
      share: false,
      at,
    }),
  );
  return freedOf(unseen, state);
}

function wantedBy({ mask }: Replica, { devices: { devices } }: State): readonly Device[] {
  const resolved = resolveMask(mask, devices, 'demo');
  return resolved.ok ? resolved.value : [];
}

function isOn(uuids: readonly string[], devices: readonly Device[]): boolean {
  return devices.some(({ uuid }) => uuids.includes(uuid));
}

/** Another engine on its devices has loaded, or has ended, and nobody has looked since at what is free. */
function changedBeside(replica: Replica, wanted: readonly Device[], state: State): Unreleased | null {
  const { devices, pools, freed } = state;
  const changes = freed.flatMap(({ key, instance, uuids, at }) =>
    instance !== null && isOn(uuids, wanted) ? [{ key, at }] : [],
  );
  for (const { replicas } of pools.values()) {
    for (const { key, life } of replicas) {
      const at = changedAt(life);
      if (
        at !== null &&
        isLive(life) &&
        isOn(
          life.engine.launch.devices.map(({ uuid }) => uuid),
          wanted,
        )
      )
        changes.push({ key, at });
    }
  }
  for (const { key, at } of changes) {
    if (key === replica.key || at < devices.askedAt || devices.seenAt >= at + releaseMs) continue;
    return { until: at + releaseMs, lookAt: null, why: `waits until it is seen what ${key} has left of its devices` };
  }
  return null;
}

function changedAt(life: Life): Instant | null {
  if (isServing(life)) return life.readyAt.at;
  // Who has died unasked holds its memory still, while it is found out why and what it left behind is ended.
  return life.state === 'stopping' && life.intent.kind === 'crashed' ? life.intent.endedAt.at : null;
}
