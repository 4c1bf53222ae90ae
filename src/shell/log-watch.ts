/**
 * What an engine's log says: while it lives, whether its GPU is sick and whether its model is on it; at its end, why it died. Whoever follows it sees it
 * grow, so it is rotated from here.
 */

import type { Diagnosis, KernelEvidence } from '../core/crash.js';
import type { Alarm, ExitEvidence, Offload } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import { anyForm, ownLines } from '../diagnosis/form.js';
import { alarmOf } from '../diagnosis/living.js';
import { type LogReader, logReader } from '../diagnosis/log-reader.js';
import { offloadOf } from '../diagnosis/offload.js';
import { adapters } from '../engines/index.js';
import { beginsAt } from './engine-log.js';
import { type LogLimits, makeRotation } from './rotation.js';
import { followFile } from './tail.js';

export type LogWatch = {
  /**
   * Why it died, by what is left of its log and by the kernel's word. To be called once; nothing is watched after. Never rejects, and resolves at once
   * unless the engine wrote much at its end.
   */
  diagnose(exit: Pick<ExitEvidence, 'code' | 'signal'>, kernel: readonly KernelEvidence[]): Promise<Diagnosis>;
  /** What is left of its log is read by nobody. Instead of `diagnose`. */
  leave(): void;
};

export type LogWatchWish = {
  readonly path: string;
  /** Asked again whenever the log has grown: an apply may change them. */
  readonly limits: LogLimits;
  /** Where this incarnation's part begins, in bytes. */
  readonly offset: number;
  /**
   * What is there already was written under another supervisor, which has acted on it: of its alarms only the last that nothing but a new process cures
   * is told.
   */
  readonly adopted: boolean;
  /** At most once a second for each kind. */
  readonly alarmed: (alarm: Alarm) => void;
  /** Once, for the first model that it loads, and only where poolctl has said how much of it goes onto its devices. */
  readonly offloaded: (offload: Offload) => void;
  /** It could not be rotated and grows on, or could again (null). */
  readonly onStorage: (error: string | null) => void;
  /** Monotonic, in ms. */
  readonly now: () => number;
};

export function watchLog(
  { spec, incarnation }: Pick<Launch, 'spec' | 'incarnation'>,
  { path, limits, offset, adopted, alarmed, offloaded, onStorage, now }: LogWatchWish,
): LogWatch {
  const { engine } = spec;
  const trusted = engine !== 'command';
  const { ownLine, wantsAllLayers } = adapters[engine];
  const isOwn = ownLines(ownLine);
  const told = new Map<Alarm['kind'], number>();
  let reader: LogReader | null = null;
  let line = 0;
  let former: Alarm | null = null;
  let caughtUp = !adopted;
  let heedsLayers = wantsAllLayers(spec);

  const tail = followFile({
    path,
    // A log that was emptied under an earlier supervisor begins anew, however long it has become since.
    offset: adopted && !beginsAt(path, offset) ? 0 : offset,
    onSize: (bytes) => rotation.seen(bytes),
    onLine(text) {
      line += 1;
      theReader().read(text);
      // Before its death nothing is believed of a program whose lines nobody knows.
      if (!trusted || !isOwn(text)) return;
      if (heedsLayers) hearLayers(text);
      const alarm = alarmOf(text);
      if (alarm !== null) hear({ ...alarm, line });
    },
    onCaughtUp() {
      caughtUp = true;
      if (former !== null) hear(former);
      former = null;
    },
  });

  const rotation = makeRotation({
    ...{ log: path, limits, incarnation, onStorage, now },
    isOurs: (file) => tail.follows(file),
    onCut: (older, bytes) => tail.cut(older, bytes),
  });

  return {
    async diagnose({ code, signal }, kernel) {
      rotation.close();
      await tail.finish();
      return theReader().diagnose({ engine, code, signal, asked: false, kernel, phase: null });
    },
    leave() {
      rotation.close();
      tail.leave();
    },
  };

  /** Not made before there is something to read: the first one takes its time. */
  function theReader(): LogReader {
    reader ??= logReader(trusted ? ownLine : anyForm);
    return reader;
  }

  /** What it had put there under another supervisor is known to have been told. */
  function hearLayers(text: string): void {
    const offload = offloadOf(text);
    if (offload === null) return;
    heedsLayers = false;
    if (caughtUp) offloaded(offload);
  }

  function hear(alarm: Alarm): void {
    if (!caughtUp) {
      if (alarm.kind === 'sticky') former = alarm;
      return;
    }
    const last = told.get(alarm.kind);
    if (last !== undefined && now() - last < quietMs) return;
    told.set(alarm.kind, now());
    alarmed(alarm);
  }
}

const quietMs = 1_000;
