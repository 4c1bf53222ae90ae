/**
 * The engine that ships with poolctl: llama-server's API, log and manners without a model, so that a first run needs no GPU, and orders to
 * misbehave, so that a supervisor can be watched at work. Not part of the supervisor: a program of its own (`--help` tells its use).
 */

import { readFlags, usage } from './flags.js';
import { openLog } from './log.js';
import { startEngine } from './start.js';

const flags = readFlags(process.argv.slice(2));
if (!flags.ok) {
  process.stderr.write(`error: ${flags.error}\n`);
  process.exitCode = 1;
} else if (flags.value === 'help') {
  process.stdout.write(usage());
} else {
  startEngine(
    flags.value,
    process,
    openLog(2, () => performance.now()),
  );
}
