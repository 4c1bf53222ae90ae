/** What `up` shows where it was started: the console, fed with events, the view and the engines' last lines. */

import type { LogLevel, ReplicaKey } from '../core/model.js';
import { engineLog } from '../host/paths.js';
import { lastLines } from '../shell/engine-log.js';
import { type ConsoleStream, consoleForm, openConsole } from '../telemetry/console.js';
import type { Palette } from '../text/colour.js';
import type { Face, Look } from '../up.js';

export type FaceOptions = {
  readonly format: 'auto' | 'pretty' | 'json';
  readonly level: LogLevel;
  readonly stream: ConsoleStream & { readonly isTTY?: boolean };
  /** $JOURNAL_STREAM: set where systemd's journal reads us. */
  readonly journalStream: string | undefined;
  readonly palette: Palette;
  /** The first line; where it listens on TCP is put behind it. */
  readonly banner: string;
};

export function openFace(
  { news, view, paths, covers }: Look,
  { format, stream, journalStream, banner, ...rest }: FaceOptions,
): Face {
  const console = openConsole({
    ...rest,
    stream,
    form: consoleForm(format, stream.isTTY === true, journalStream),
    view,
    now: () => Date.now(),
    every(ms, tick) {
      const timer = setInterval(tick, ms);
      return () => clearInterval(timer);
    },
    lastLine(poolId, replicaId) {
      const [line] = lastLines(engineLog(paths.stateDir, poolId, replicaId), 1);
      return line === undefined ? null : covers.lastOf(`${poolId}/${replicaId}` as ReplicaKey)(line);
    },
  });
  const { listen } = view().supervisor;
  console.banner(listen === null ? banner : `${banner}  listen ${listen}`);
  news.onLine((line) => console.event(line));
  return console;
}
