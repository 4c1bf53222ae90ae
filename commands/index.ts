/** The commands, in help order. Each is loaded only when it runs. */

import type { Command } from 'commander';
import type { Cli } from './cli.js';

type Register = (program: Command, cli: Cli) => void;

export const commands: Readonly<Record<string, () => Promise<Register>>> = {
  up: async () => (await import('./up.js')).up,
  down: async () => (await import('./down.js')).down,
  status: async () => (await import('./status.js')).status,
  top: async () => (await import('./top.js')).top,
  drain: async () => (await import('./drain.js')).drain,
  start: async () => (await import('./start.js')).start,
  stop: async () => (await import('./stop.js')).stop,
  restart: async () => (await import('./restart.js')).restart,
  reload: async () => (await import('./reload.js')).reload,
  reset: async () => (await import('./reset.js')).reset,
  apply: async () => (await import('./apply.js')).apply,
  wait: async () => (await import('./wait.js')).wait,
  lease: async () => (await import('./lease.js')).lease,
  logs: async () => (await import('./logs.js')).logs,
  events: async () => (await import('./events.js')).events,
  devices: async () => (await import('./devices.js')).devices,
  check: async () => (await import('./check.js')).check,
  plan: async () => (await import('./plan.js')).plan,
  init: async () => (await import('./init.js')).init,
  diagnose: async () => (await import('./diagnose.js')).diagnose,
  doctor: async () => (await import('./doctor.js')).doctor,
  schema: async () => (await import('./schema.js')).schema,
  completion: async () => (await import('./completion.js')).completion,
  help: async () => (await import('./help.js')).help,
};
