/** Memory of devices: what a replica needs there, what others that load will still take of it, and who holds the rest. */

import { freeVramBytes } from './devices.js';
import type { Obstacle } from './facts.js';
import { isLaunching, isLive, type Life } from './life.js';
import type { Launch } from './messages.js';
import type { Device, Instant, PoolSpec, ReplicaKey } from './model.js';
import type { Replica } from './replica.js';
import { sharesOf } from './split.js';
import type { State } from './state.js';
import { gib } from './words.js';

/** What one replica needs on its mask. Only what the inventory says keeps a launch back; the rest is advice, and marked as what it is. */
export type Need = { readonly bytes: number; readonly source: 'configured' | 'learnt' | 'estimate' };

export function needOf({ vram: { learntBytes, modelBytes } }: Pick<Replica, 'vram'>, { vramBytes }: PoolSpec): Need | null {
  if (vramBytes !== null) return { bytes: vramBytes, source: 'configured' };
  if (learntBytes !== null) return { bytes: learntBytes, source: 'learnt' };
  return modelBytes === null ? null : { bytes: modelBytes, source: 'estimate' };
}

/** What keeps the replica from these devices: less is free than the inventory says that it needs. Null also where nobody knows what is free. */
export function shortage(replica: Replica, spec: PoolSpec, devices: readonly Device[], state: State): Obstacle | null {
  if (spec.vramBytes === null) return null;
  const lacking = lackOf(spec.vramBytes, replica, spec, devices, state);
  if (lacking === null) return null;
  const { needBytes, of } = lacking;
  const totals = of.map(({ vramTotalBytes }) => vramTotalBytes);
  const totalBytes = totals.reduce((sum: number, each) => sum + (each ?? Number.POSITIVE_INFINITY), 0);
  const hint =
    totalBytes < needBytes
      ? `${named(of)} ${of.length > 1 ? 'have' : 'has'} ${gib(totalBytes)} in all: lower "vram", or give the replica more devices`
      : 'free the device, or lower "vram"';
  return { what: 'memory', text: `cannot load on ${describe(lacking, replica, state)}`, hint };
}

/** Whether it may run out of memory: what an earlier launch has taught, held against what is free. A phrase; null where there is nothing to fear. */
export function advice(replica: Replica, spec: PoolSpec, devices: readonly Device[], state: State): string | null {
  const need = needOf(replica, spec);
  if (need?.source !== 'learnt') return null;
  const lacking = lackOf(need.bytes, replica, spec, devices, state);
  return lacking === null ? null : `may run out of memory (learnt from the last time): on ${describe(lacking, replica, state)}`;
}

/** Whether so much is free for it on these devices; null where nobody knows what is free. */
export function fits(bytes: number, replica: Replica, spec: PoolSpec, devices: readonly Device[], state: State): boolean | null {
  return freeVramBytes(devices) === null ? null : lackOf(bytes, replica, spec, devices, state) === null;
}

type Lack = {
  /** The devices that it is about: all of the mask together, or the one whose share does not fit. */
  readonly of: readonly Device[];
  readonly needBytes: number;
  readonly freeBytes: number;
  readonly claims: readonly Claimed[];
};

function lackOf(bytes: number, replica: Replica, spec: PoolSpec, devices: readonly Device[], state: State): Lack | null {
  if (freeVramBytes(devices) === null) return null;
  const offers = devices.map((device) => {
    const claims = claimsOn(device, replica.key, state);
    const freeBytes = device.vramFreeBytes ?? 0;
    return { device, claims, freeBytes, leftBytes: Math.max(0, freeBytes - total(claims)) };
  });
  // With ratios each device gets its share and no other; without, the engine divides the model as it fits.
  if (spec.tensorSplit !== null) {
    const shares = sharesOf(bytes, spec.tensorSplit, devices.length);
    const at = offers.findIndex(({ leftBytes }, index) => leftBytes < (shares[index] ?? 0));
    const offer = offers[at];
    if (offer === undefined) return null;
    return { of: [offer.device], needBytes: shares[at] ?? 0, freeBytes: offer.freeBytes, claims: offer.claims };
  }
  if (offers.reduce((sum, { leftBytes }) => sum + leftBytes, 0) >= bytes) return null;
  const freeBytes = offers.reduce((sum, offer) => sum + offer.freeBytes, 0);
  return { of: devices, needBytes: bytes, freeBytes, claims: offers.flatMap(({ claims }) => claims) };
}

function describe({ of, needBytes, freeBytes, claims }: Lack, replica: Replica, state: State): string {
  const loading = [...new Set(claims.map(({ key }) => key))].map(
    (key) => `${key}, which loads, takes ${gib(total(claims.filter((claim) => claim.key === key)))} of them`,
  );
  const by = holders(of, replica.key, state);
  const held = by === null ? [] : [`held by ${by}`];
  return [`${named(of)}: it needs ${gib(needBytes)} of VRAM, and ${gib(freeBytes)} are free`, ...loading, ...held].join('; ');
}

const named = (devices: readonly Device[]): string => `GPU ${devices.map(({ index }) => index).join(',')}`;

type Claimed = { readonly key: ReplicaKey; readonly bytes: number };
const total = (claims: readonly Claimed[]): number => claims.reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * Memory of a device that is measured as free and will not be: launches in progress take it, those too that are being ended, and so have those
 * that were ready only after the last look began. What that look has seen them hold is no longer free anyway.
 */
function claimsOn({ uuid }: Device, but: ReplicaKey, state: State): readonly Claimed[] {
  const claims: Claimed[] = [];
  for (const { replicas } of state.pools.values()) {
    for (const other of replicas) {
      const launch = other.key === but ? null : takingLaunch(other.life, state.devices.askedAt);
      const at = launch?.devices.findIndex((device) => device.uuid === uuid) ?? -1;
      if (launch === null || at < 0) continue;
      const need = needOf(other, launch.spec);
      if (need === null) continue;
      const share = sharesOf(need.bytes, launch.spec.tensorSplit, launch.devices.length)[at] ?? 0;
      const bytes = share - (heldBytes(launch.instance, state.devices, uuid) ?? 0);
      if (bytes > 0) claims.push({ key: other.key, bytes });
    }
  }
  return claims;
}

function takingLaunch(life: Life, askedAt: Instant): Launch | null {
  switch (life.state) {
    case 'preparing':
      return isLaunching(life) ? life.launch : null;
    case 'starting':
      return life.resumed === null ? life.engine.launch : null;
    case 'ready':
    case 'unhealthy':
    case 'draining':
      return life.readyAt.at >= askedAt ? life.engine.launch : null;
    case 'stopping':
      // It may go on loading until it ends, and nobody may have looked since it began; what it forked may hold memory longer than itself.
      return life.engine.launch;
    default:
      return null;
  }
}

/** What an engine was last seen to hold, on one device or on all; null where the tool cannot tell. */
export function heldBytes(instance: string, { processes }: State['devices'], uuid: string | null = null): number | null {
  if (processes === null) return null;
  const own = processes.filter((each) => each.instance === instance && (uuid === null || each.uuid === uuid));
  return own.reduce((sum, { usedBytes }) => sum + (usedBytes ?? 0), 0);
}

const mostHolders = 3;

/** "pid 812 (python3) with 15.2 GiB, chat/r1 with 6.0 GiB": who uses these devices, the biggest first; null where nobody can say. */
export function holders(devices: readonly Device[], but: ReplicaKey | null, state: State): string | null {
  const uuids = new Set(devices.map(({ uuid }) => uuid));
  const users = (state.devices.processes ?? [])
    .filter(({ uuid }) => uuids.has(uuid))
    .map(({ pid, program, usedBytes, instance }) => {
      const key = instance === null ? null : keyOf(instance, state);
      return { key, usedBytes, name: key ?? `pid ${pid}${program === null ? '' : ` (${program})`}` };
    })
    .filter(({ key }) => key === null || key !== but)
    .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0));
  if (users.length === 0) return null;
  const shown = users
    .slice(0, mostHolders)
    .map(({ name, usedBytes }) => (usedBytes === null ? name : `${name} with ${gib(usedBytes)}`));
  const more = users.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function keyOf(instance: string, { pools }: State): ReplicaKey | null {
  for (const { replicas } of pools.values())
    for (const { key, life } of replicas) if (isLive(life) && life.engine.launch.instance === instance) return key;
  return null;
}
