/** Whether an engine is where its mask puts it: on all of its devices, and nowhere else. */

import type { Offload } from './facts.js';
import { isServing, type Serving } from './life.js';
import type { In, Replica } from './replica.js';
import type { State } from './state.js';
import { type Scene, stay, type Turn, tell } from './turn.js';
import { heldBytes } from './vram.js';

type Loaded = In<'starting'> | In<'ready'> | In<'unhealthy'> | In<'draining'>;

/** What a look at the devices tells of one engine. */
export type Sight = {
  /** What it holds on all devices; null where the tool cannot tell. */
  readonly heldBytes: number | null;
  /** Where it is and should not be, or is not and should be; null: nowhere, or nobody can say. */
  readonly misplaced: string | null;
};

/** Null where the look tells nothing new of it. */
export function sightOf({ life, vram }: Replica, { devices }: State): Sight | null {
  if (life.state !== 'starting' && !isServing(life)) return null;
  const { instance } = life.engine.launch;
  const held = heldBytes(instance, devices);
  if (held === null) return null;
  const before = life.state === 'starting' ? null : life.misplaced;
  // A look that began before it was ready may have come before its memory.
  const judged = life.state !== 'starting' && life.readyAt.at < devices.askedAt;
  const misplaced = judged ? misplacement(life, vram.listed, devices) : before;
  const grew = held > (vram.peak?.instance === instance ? vram.peak.bytes : 0);
  return grew || misplaced !== before ? { heldBytes: held, misplaced } : null;
}

/** `listed`: the tool lists such processes at all. It passes over those that use a GPU for graphics, as Vulkan does. */
function misplacement(
  { engine: { launch } }: Pick<Serving, 'engine'>,
  listed: boolean,
  { devices, processes }: State['devices'],
): string | null {
  // Of slices the tool tells now the slice's own name, now its GPU's.
  if (launch.devices.some(({ mig }) => mig)) return null;
  const own = new Set(processes?.filter(({ instance }) => instance === launch.instance).map(({ uuid }) => uuid));
  const present = devices.filter(({ uuid }) => launch.devices.some((device) => device.uuid === uuid));
  const missing = listed ? present.filter(({ uuid }) => !own.has(uuid)) : [];
  const strange = devices.filter(({ uuid, mig }) => !mig && own.has(uuid) && !present.some((device) => device.uuid === uuid));
  const parts = [
    ...(missing.length === 0
      ? []
      : [`holds no memory on ${named(missing)}${missing.length === present.length ? ': does it run on the CPU?' : ''}`]),
    ...(strange.length === 0 ? [] : [`holds memory on ${named(strange)}, outside its mask`]),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}

const named = (devices: readonly { readonly index: string }[]): string => `GPU ${devices.map(({ index }) => index).join(',')}`;

/** What was seen of it is remembered; a misplacement is told when it is new. */
export function seen(before: Loaded, { heldBytes: bytes, misplaced }: Sight, scene: Scene): Turn {
  const { instance } = before.life.engine.launch;
  const peak = { instance, bytes: Math.max(bytes ?? 0, before.vram.peak?.instance === instance ? before.vram.peak.bytes : 0) };
  const replica = { ...before, vram: { ...before.vram, peak } };
  if (before.life.state === 'starting' || before.life.misplaced === misplaced) return stay(replica);
  const placed = { ...replica, life: { ...before.life, misplaced } };
  if (misplaced === null) return stay(placed);
  const told = tell(placed, scene, { event: 'device.mismatch', level: 'error', reason: misplaced, hint });
  return { ...stay(placed), events: [told] };
}

const hint = 'its log may say why';

/** Part of the model is left to the CPU. Whoever says so in the arguments wants it; the shell does not tell of those. */
export function offloaded(replica: Loaded, { offload: { layers, of } }: { readonly offload: Offload }, scene: Scene): Turn {
  if (layers >= of || replica.life.engine.launch.devices.length === 0) return stay(replica);
  const reason = `has ${layers} of ${of} layers on its devices, the others on the CPU`;
  return { ...stay(replica), events: [tell(replica, scene, { event: 'device.mismatch', level: 'warn', reason })] };
}
