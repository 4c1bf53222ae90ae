/** Launches and devices for tests of what is made of them. */

import type { Launch } from '../../src/core/messages.js';
import { type Device, type MaskRef, type PoolSpec, replicaKey } from '../../src/core/model.js';
import type { Resolved } from '../../src/engines/adapter.js';
import { poolSpec } from './specs.js';

/** Replica 0 of the pool "chat" on `devices`, or on none. */
export function launchOf(spec: Partial<PoolSpec>, devices: readonly Device[] = [], more: Partial<Launch> = {}): Launch {
  const written = devices.map(({ index }) => index).join(',');
  const mask: MaskRef =
    devices.length === 0 ? { kind: 'cpu', written: 'cpu' } : { kind: 'list', written, ids: devices.map(({ index }) => index) };
  return {
    key: replicaKey('chat', 'r0'),
    incarnation: 1,
    check: 1,
    instance: 'chat-r0-1-abc',
    spec: poolSpec('chat', 1, spec),
    mask,
    devices,
    port: 18_100,
    hostClaimedBytes: 0,
    allowDownloads: false,
    ...more,
  };
}

export const resolvedAs = (more: Partial<Resolved> = {}): Resolved => ({
  program: '/usr/bin/engine',
  model: null,
  stateDir: '/state',
  inventoryDir: '/inventory',
  ...more,
});

export function deviceOf(index: string, more: Partial<Device> = {}): Device {
  return {
    index,
    uuid: `GPU-${index.padStart(8, '0')}`,
    name: 'NVIDIA GeForce RTX 3090',
    vendor: 'nvidia',
    vramTotalBytes: 24 * 2 ** 30,
    vramFreeBytes: 23 * 2 ** 30,
    computeCapability: '8.6',
    utilizationPercent: 0,
    temperatureCelsius: 40,
    powerWatts: 30,
    mig: false,
    pciAddress: null,
    eccErrors: null,
    ailment: null,
    tellsRecovery: false,
    ...more,
  };
}
