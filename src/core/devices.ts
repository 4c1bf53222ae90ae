/** Masks held against the devices that were observed, and who claims which device. */

import type { Device, EngineKind, MaskRef, Result } from './model.js';

/** Why a mask cannot be had on this machine. `message` is a sentence of its own, without a full stop. */
export type MaskProblem =
  | { readonly kind: 'unknown'; readonly id: string; readonly message: string }
  | { readonly kind: 'ambiguous'; readonly id: string; readonly message: string }
  /** The same device by two names, such as its index and its UUID. */
  | { readonly kind: 'repeated'; readonly id: string; readonly message: string }
  /** `all`, and there is none. */
  | { readonly kind: 'none'; readonly message: string };

/**
 * The mask's devices, in the written order; empty for `cpu`, and for `all` of a command or demo engine where no device was found. An exact
 * index or UUID wins over the prefix of a UUID.
 */
export function resolveMask(
  mask: MaskRef,
  devices: readonly Device[],
  engine: EngineKind,
): Result<readonly Device[], MaskProblem> {
  if (mask.kind !== 'list') {
    if (mask.kind === 'cpu') return { ok: true, value: [] };
    if (devices.length > 0 || runsWithoutDevices(engine)) return { ok: true, value: devices };
    return { ok: false, error: { kind: 'none', message: 'the mask "all" needs a GPU, and none was found' } };
  }
  const found: Device[] = [];
  for (const id of mask.ids) {
    const device = findDevice(id, devices);
    if (!device.ok) return device;
    if (found.includes(device.value)) {
      return {
        ok: false,
        error: { kind: 'repeated', id, message: `the mask "${mask.written}" names GPU ${device.value.index} twice` },
      };
    }
    found.push(device.value);
  }
  return { ok: true, value: found };
}

/** May `all` be the empty set for this engine? */
export function runsWithoutDevices(engine: EngineKind): boolean {
  return engine === 'command' || engine === 'demo';
}

function findDevice(id: string, devices: readonly Device[]): Result<Device, MaskProblem> {
  const wanted = id.toLowerCase();
  const exact = devices.filter(({ index, uuid }) => index === id || uuid.toLowerCase() === wanted);
  const named =
    exact.length > 0 || !wanted.includes('-') ? exact : devices.filter(({ uuid }) => uuid.toLowerCase().startsWith(wanted));
  const [device, other] = named;
  if (device === undefined) return { ok: false, error: { kind: 'unknown', id, message: `there is no device "${id}"` } };
  if (other === undefined) return { ok: true, value: device };
  const message = `"${id}" could be any of ${named.map(({ uuid }) => uuid).join(', ')}`;
  return { ok: false, error: { kind: 'ambiguous', id, message } };
}

/** What is free on all of them together; null where there is none, or one does not tell. */
export function freeVramBytes(devices: readonly Device[]): number | null {
  let sum = 0;
  for (const { vramFreeBytes } of devices) {
    if (vramFreeBytes === null) return null;
    sum += vramFreeBytes;
  }
  return devices.length === 0 ? null : sum;
}

/** One replica's claim. `ids` name devices uniquely; what they are made of is the caller's affair. */
export type Claim = { readonly share: boolean; readonly ids: readonly string[] };

/** `second` wants `ids`, which `first` has. Of several earlier claims the first that is in the way is named. */
export type Conflict<C extends Claim> = { readonly first: C; readonly second: C; readonly ids: readonly string[] };

/** Two claims may meet on a device only when both share. Linear in the claims; in their order, each pair at most once. */
export function deviceConflicts<C extends Claim>(claims: readonly C[]): readonly Conflict<C>[] {
  const holders = new Map<string, { readonly first: C; exclusive: C | undefined }>();
  return claims.flatMap((claim) => {
    const lost = new Map<C, string[]>();
    for (const id of new Set(claim.ids)) {
      const holder = holders.get(id);
      if (holder === undefined) {
        holders.set(id, { first: claim, exclusive: claim.share ? undefined : claim });
        continue;
      }
      const rival = claim.share ? holder.exclusive : holder.first;
      if (rival !== undefined) {
        const ids = lost.get(rival) ?? [];
        ids.push(id);
        lost.set(rival, ids);
      }
      if (!claim.share) holder.exclusive ??= claim;
    }
    return [...lost].map(([first, ids]) => ({ first, second: claim, ids }));
  });
}
