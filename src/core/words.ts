/** Short phrases for `why`, `last_error` and messages. */

import type { ExitEvidence } from './facts.js';
import type { Intent } from './life.js';

/** "0.3s", "41s", "2m05s", "3h11m". */
export function span(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours === 0) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  return minutes % 60 === 0 ? `${hours}h` : `${hours}h${String(minutes % 60).padStart(2, '0')}m`;
}

/** "could not be started: …", "killed by SIGKILL", "exited with code 1", "ended, nobody saw how". */
export function ending({ code, signal, spawnError }: ExitEvidence): string {
  if (spawnError !== null) return `could not be started: ${spawnError.text}`;
  if (signal !== null) return `killed by ${signal}`;
  return code === null ? 'ended, and nobody saw how' : `exited with code ${code}`;
}

/** The last line that says something; engines often end with blank ones. Null for ends that no line of the engine explains. */
export function lastWords({ lastLines, code, signal }: ExitEvidence, wasReady: boolean): string | null {
  if ((code === 0 && wasReady) || (signal !== null && fromOutside.has(signal))) return null;
  return lastLines.findLast((line) => line.trim() !== '' && !line.startsWith('--- poolctl:'))?.trim() ?? null;
}

/** Signals that others send: what the engine wrote last has nothing to do with them. Those of a fault (SIGSEGV, SIGABRT) it announces often. */
const fromOutside: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** Why an engine is being ended, for people. */
export function reasonOf(intent: Intent): string {
  switch (intent.kind) {
    case 'asked':
      return 'asked to';
    case 'drained':
      return intent.forced ? `its drain's deadline of ${span(intent.afterMs)} has passed` : 'drained';
    case 'crashed':
      return intent.exit === null
        ? 'it has ended, and why is being found out'
        : `${ending(intent.exit)}, and left processes of its group behind`;
    case 'deadline':
      return `not healthy after ${span(intent.afterMs)} (${intent.detail})`;
    case 'unhealthy':
      return `unhealthy for ${span(intent.afterMs)} (${intent.detail})`;
    case 'sick':
      return `its log says: ${intent.alarm.text}`;
    case 'strays':
      return 'what it left behind is looked for';
    case 'replaced':
      return `left by an earlier supervisor, and ${intent.why}`;
  }
}

/** "9.0 GiB", "512 MiB", "301 KiB". */
export function gib(bytes: number): string {
  if (bytes > 0 && bytes < 2 ** 20) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes >= 2 ** 30 / 10 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}
