/** All that one replica's launch has to do with others, gathered at once: hundreds may stand before the gate, and each would look at each. */

import { isLaunching, isLive, type Life } from './life.js';
import type { Launch } from './messages.js';
import type { ReplicaKey } from './model.js';
import type { Replica } from './replica.js';
import type { State } from './state.js';

export type Crowd = {
  /** Of these it was gathered: when others take their place it is out of date. */
  readonly pools: State['pools'];
  /** What an earlier supervisor left, on its way out. */
  readonly going: readonly ReplicaKey[];
  /** Would not die, and does not share its devices. */
  readonly stuck: readonly Neighbour[];
  /** From the preflight until ready. */
  readonly loading: readonly Replica[];
  /** With an engine. */
  readonly live: Places;
  /** Let through the gate, and without an engine yet. */
  readonly launching: Places;
};

export type Neighbour = { readonly key: ReplicaKey; readonly launch: Launch };

/** Who is where, by what two cannot have at once. */
export type Places = {
  readonly onPort: ReadonlyMap<number, readonly Neighbour[]>;
  /** By uuid. */
  readonly onDevice: ReadonlyMap<string, readonly Neighbour[]>;
};

export function crowdOf(pools: State['pools']): Crowd {
  const [going, stuck, loading]: [ReplicaKey[], Neighbour[], Replica[]] = [[], [], []];
  const [live, launching] = [new Gathering(), new Gathering()];
  for (const { spec, replicas } of pools.values()) {
    for (const replica of replicas) {
      const { key, life } = replica;
      if (life.state === 'stopping' && life.intent.kind === 'replaced') going.push(key);
      if (life.state === 'stuck' && !spec.share) stuck.push({ key, launch: life.engine.launch });
      if (isLoading(life)) loading.push(replica);
      if (isLive(life)) live.add({ key, launch: life.engine.launch });
      else if (isLaunching(life)) launching.add({ key, launch: life.launch });
    }
  }
  return { pools, going, stuck, loading, live, launching };
}

/** Whoever else has this port or one of these devices, each once. */
export function* meetingAt(
  { onPort, onDevice }: Places,
  port: number | null,
  uuids: Iterable<string>,
): Generator<Neighbour, undefined> {
  const seen = new Set<Neighbour>();
  const places = [...uuids].map((uuid) => onDevice.get(uuid));
  for (const neighbours of [...places, port === null ? undefined : onPort.get(port)])
    for (const neighbour of neighbours ?? []) if (seen.size < seen.add(neighbour).size) yield neighbour;
}

class Gathering implements Places {
  readonly onPort = new Map<number, Neighbour[]>();
  readonly onDevice = new Map<string, Neighbour[]>();

  add(neighbour: Neighbour): void {
    const { port, devices } = neighbour.launch;
    put(this.onPort, port, neighbour);
    for (const { uuid } of devices) put(this.onDevice, uuid, neighbour);
  }
}

function put<K>(places: Map<K, Neighbour[]>, at: K, neighbour: Neighbour): void {
  const there = places.get(at);
  if (there === undefined) places.set(at, [neighbour]);
  else there.push(neighbour);
}

/** An adopted engine that served already loads nothing. */
function isLoading(life: Life): boolean {
  return (life.state === 'starting' && life.resumed === null) || isLaunching(life);
}
