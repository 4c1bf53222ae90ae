/** Launches for tests: a `command` engine on mask cpu that asks for nothing, and what a test changes of it. */

import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { poolSpec } from '../rig/specs.js';

export function launchOf(spec: Partial<PoolSpec> = {}, more: Partial<Launch> = {}): Launch {
  return {
    key: 'chat/r0',
    incarnation: 1,
    check: 1,
    instance: 'i-1',
    spec: { ...plain, ...spec },
    mask: { kind: 'cpu', written: 'cpu' },
    devices: [],
    port: 0,
    hostClaimedBytes: 0,
    allowDownloads: false,
    ...more,
  };
}

const plain = poolSpec('chat', 1, { command: ['sleep', '600'] });
