/** One replica in full, under its row of the table. */

import type { StatusView } from '../../src/api/wire.js';
import { engineLog } from '../../src/host/paths.js';
import { oneLine } from '../../src/text/one-line.js';
import type { Place } from '../../src/text/places.js';
import { countsText, engineText, exitText, modelText, nextOf, overrideText } from '../../src/text/replica-facts.js';
import { tilde } from '../../src/text/tilde.js';

/** Lines of `  key        value`; what there is nothing to say of has no line. */
export function detailLines(place: Place, view: StatusView, home: string): readonly string[] {
  const { pool, replica } = place;
  const { last_exit: exit } = replica;
  const facts: readonly (readonly [string, string | null])[] = [
    ['why', replica.why],
    ['next', nextOf(place)],
    ['error', replica.last_error === null || replica.why?.startsWith(replica.last_error) ? null : replica.last_error],
    ['last exit', exit === null ? 'none' : exitText(exit)],
    ['evidence', exit?.evidence == null ? null : `line ${exit.evidence.line}: ${exit.evidence.text}`],
    ['hint', exit?.hint ?? null],
    ['model', modelText(place, home)],
    ['reloaded', overrideText(place, view, home)],
    ['engine', engineText(place, view)],
    ['counts', countsText(place)],
    ['log', tilde(engineLog(view.supervisor.state_dir, pool.pool_id, replica.replica_id), home)],
  ];
  return facts.flatMap(([key, value]) => (value === null ? [] : [`  ${key.padEnd(keyWidth)}${oneLine(value)}`]));
}

const keyWidth = 11;
