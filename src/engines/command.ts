/** Any program: its argv comes from the inventory, and nothing is known of it but how to ask whether it is healthy. */

import type { EngineAdapter } from './adapter.js';
import { expandArgs } from './placeholder-values.js';

export const command: EngineAdapter = {
  kind: 'command',
  defaultBinary: null,
  argv(launch, resolved) {
    const { spec } = launch;
    const [program, ...rest] = expandArgs(launch, resolved, [...(spec.command ?? []), ...spec.args], command.slots(spec));
    return [resolved.program ?? program ?? '', ...rest];
  },
  takesFile: () => false,
  healthPath: '/health',
  deadStatus: null,
  startupDeadlineMs: () => 120_000,
  slots: (spec) => (spec.slots === 'auto' ? 1 : spec.slots),
  decoded: null,
  oneToken: null,
  describe: [],
  versionCommand: null,
  inflight: null,
  perf: null,
  listDevices: null,
  wantsAllLayers: () => false,
  /** Nobody knows its form: while it lives, nothing that it prints is believed. */
  ownLine: () => false,
  offlineEnv: {},
};
