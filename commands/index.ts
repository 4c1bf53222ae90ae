/** The commands, in help order. Each is loaded only when it runs. */

import type { Command } from 'commander';
import type { Cli } from './cli.js';

type Register = (program: Command, cli: Cli) => void;

export const commands: Readonly<Record<string, () => Promise<Register>>> = {
  up: async () => (await import('./up.js')).up,
  down: async () => (await import('./down.js')).down,
  status: async () => (await import('./status.js')).status,
  check: async () => (await import('./check.js')).check,
};
