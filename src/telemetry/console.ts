/**
 * What `up` shows on stderr. On a terminal events scroll above a block of lines for the replicas that are on their way; elsewhere every event
 * is a line. It only reads: events as they are told, and the view when it draws. A reader that goes away never hurts the supervisor.
 */

import type { EventLine, StatusView } from '../api/wire.js';
import type { LogLevel } from '../core/model.js';
import { type Palette, plain } from '../text/colour.js';
import { oneLine } from '../text/one-line.js';
import { cut } from '../text/table.js';
import { age, rfc3339, span, took } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { type BoundedStream, boundedWriter } from './bounded.js';
import { isTold, jsonLine, prettyLine } from './lines.js';

/** The part of stderr that is used. */
export type ConsoleStream = BoundedStream & {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on(event: 'resize' | 'error', listener: () => void): unknown;
  off(event: 'resize' | 'error', listener: () => void): unknown;
};

/** `live`: a terminal. `plain`: whole ISO times. `journal`: systemd's priorities. `json`: an event a line. */
export type ConsoleForm = 'live' | 'plain' | 'journal' | 'json';

export type ConsoleOptions = {
  readonly stream: ConsoleStream;
  readonly form: ConsoleForm;
  readonly level: LogLevel;
  readonly palette: Palette;
  readonly view: () => StatusView;
  /** Epoch milliseconds, for what is shown only. */
  readonly now: () => number;
  /** Calls `tick` again and again until the returned function is called. */
  readonly every: (ms: number, tick: () => void) => () => void;
  /** The last line that a replica's engine wrote; null where it has written nothing, or nobody knows. */
  readonly lastLine: (poolId: string, replicaId: string) => string | null;
};

/** What is being done at a Ctrl-C, for the line that answers it. `graceMs`: the longest that an engine has before SIGKILL. */
export type Stopping =
  | { readonly rung: 'drain'; readonly leases: number; readonly deadlineMs: number }
  | { readonly rung: 'stop'; readonly graceMs: number };

export type Console = {
  /** The first line: version, file, socket. Nothing where lines are for machines. */
  banner(text: string): void;
  event(line: EventLine): void;
  /** The answer to Ctrl-C, at once. Nothing where lines are for machines: the events tell it. */
  stopping(what: Stopping): void;
  /** Takes the block away and listens no more. Safe to call twice. */
  close(): void;
};

const frameMs = 250;
const reminderMs = 30_000;
/** Of a failed engine's log. */
const lastLineCount = 20;
const onTheirWay: ReadonlySet<string> = new Set(['preparing', 'starting']);

/** `auto` becomes one of the forms: a terminal is live, systemd's journal gets its own, anything else JSON. */
export function consoleForm(format: 'auto' | 'pretty' | 'json', isTTY: boolean, journalStream: string | undefined): ConsoleForm {
  if (format === 'json' || (format === 'auto' && !isTTY)) return 'json';
  if (isTTY) return 'live';
  return journalStream === undefined || journalStream === '' ? 'plain' : 'journal';
}

export function openConsole(options: ConsoleOptions): Console {
  const { stream, form, level, palette, view, now, every } = options;
  const startedAt = now();
  /** Lengths of the lines that stand under the events. */
  let drawn: readonly number[] = [];
  let lastFrameAt = Number.NEGATIVE_INFINITY;
  let stopTicking: (() => void) | null = null;
  let settled = false;
  let closed = false;
  const reminded = new Map<string, number>();
  const ignore = (): void => undefined;
  stream.on('error', ignore);

  const write = boundedWriter(stream, (count) => `${outLine(missingLine(count, now()), form, palette)}\n`);
  const erase = (): string => {
    const columns = Math.max(1, stream.columns ?? 80);
    // A terminal that was made narrower has wrapped what stood there.
    const rows = drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    drawn = [];
    return rows === 0 ? '' : `\u001b[${rows}A\r\u001b[J`;
  };
  const block = (): string => {
    if (closed || form !== 'live') return '';
    const width = (stream.columns ?? 80) - 1;
    const lines = liveLines(options, loadingSince)
      .slice(0, Math.max(0, (stream.rows ?? 24) - 4))
      .map((line) => cut(line, width));
    drawn = lines.map(displayWidth);
    return lines.map((line) => `${line}\n`).join('');
  };
  const redraw = (): void => {
    lastFrameAt = now();
    write(0, (gap) => `${erase()}${gap}${block()}`);
  };
  const print = (lines: readonly string[]): void => {
    const text = lines.map((line) => `${line}\n`).join('');
    if (form === 'live') {
      lastFrameAt = now();
      write(lines.length, (gap) => `${erase()}${gap}${text}${block()}`);
    } else write(lines.length, (gap) => `${gap}${text}`);
  };

  /** Since when each replica has been on its way. Kept by the events, so that a whole view is made only for what is drawn. */
  const loadingSince = new Map<string, number>();
  const place = (key: string, state: string): void => {
    if (onTheirWay.has(state)) {
      if (!loadingSince.has(key)) loadingSince.set(key, now());
    } else {
      loadingSince.delete(key);
      reminded.delete(key);
    }
  };
  for (const { pool_id, replicas } of view().pools) {
    for (const { replica_id, state } of replicas) place(`${pool_id}/${replica_id}`, state);
  }

  const follow = (): void => {
    if (loadingSince.size > 0 && stopTicking === null) {
      stopTicking = every(form === 'live' ? frameMs : reminderMs / 6, tick);
    } else if (loadingSince.size === 0 && stopTicking !== null) {
      stopTicking();
      stopTicking = null;
      settle();
    }
  };

  const settle = (): void => {
    if (settled || closed || form !== 'live') return;
    const wanted = view().pools.flatMap(({ replicas }) => replicas.filter(({ goal }) => goal === 'up'));
    if (wanted.length === 0) return;
    settled = true;
    const ready = wanted.filter((replica) => replica.ready).length;
    print([
      `${ready} of ${wanted.length} ready in ${took(now() - startedAt)}. Status: poolctl status   live view: poolctl top   stop: Ctrl-C`,
    ]);
  };

  const tick = (): void => {
    if (closed) return;
    if (form === 'live') {
      if (now() - lastFrameAt >= frameMs) redraw();
      return;
    }
    const times = (key: string): number => Math.floor((now() - (loadingSince.get(key) ?? now())) / reminderMs);
    const due = [...loadingSince.keys()].filter((key) => times(key) > (reminded.get(key) ?? 0));
    if (due.length === 0) return;
    for (const { pool_id, replicas } of view().pools) {
      for (const { replica_id, state, why } of replicas) {
        const key = `${pool_id}/${replica_id}`;
        if (!due.includes(key)) continue;
        reminded.set(key, times(key));
        const human = `${key} still ${state} after ${span(times(key) * reminderMs)}${why === null ? '' : `: ${why}`}`;
        const line = { time: rfc3339(now()), event: `replica.${state}`, level: 'info', human, pool_id, replica_id };
        print([outLine({ id: '', ...line }, form, palette)]);
      }
    }
  };

  if (form === 'live') stream.on('resize', redraw);

  return {
    banner(text) {
      if (form !== 'json') print([form === 'journal' ? `<6>${text}` : palette.strong(text)]);
    },
    event(line) {
      if (closed) return;
      if (typeof line.to === 'string') place(`${String(line.pool_id)}/${String(line.replica_id)}`, line.to);
      if (isTold(line.level, level)) print(eventLines(line, form, palette));
      follow();
    },
    stopping(what) {
      if (form === 'json') return;
      const text = stoppingText(what);
      print([form === 'journal' ? `<6>${text}` : text]);
    },
    close() {
      if (closed) return;
      closed = true;
      stopTicking?.();
      stopTicking = null;
      stream.off('resize', redraw);
      write(0, (gap) => `${erase()}${gap}`);
    },
  };
}

/** What nobody read of us is in the journal. */
function missingLine(count: number, now: number): EventLine {
  const reason = `nobody has read ${count === 1 ? 'a line' : `${count} lines`}: see poolctl events`;
  return { id: '', time: rfc3339(now), event: 'gap', level: 'warn', human: `events are missing here: ${reason}`, reason };
}

function outLine(line: EventLine, form: ConsoleForm, palette: Palette): string {
  return form === 'json' ? jsonLine(line) : prettyLine(line, form === 'live' ? 'tty' : form, palette);
}

/** The event, and under a crash the end of the engine's log, once. */
function eventLines(line: EventLine, form: ConsoleForm, palette: Palette): readonly string[] {
  const text = outLine(line, form, palette);
  if (form === 'json') return [text];
  const log = Array.isArray(line.last_lines)
    ? line.last_lines.slice(-lastLineCount).map((said) => `  | ${oneLine(String(said))}`)
    : [];
  return [
    text,
    ...(form === 'journal'
      ? log.map((said) => `<6>${said}`)
      : log.map((said) => (form === 'live' ? palette : plain).faint(said))),
  ];
}

function liveLines({ view, now, lastLine }: ConsoleOptions, since: ReadonlyMap<string, number>): readonly string[] {
  const rows = view().pools.flatMap(({ pool_id, replicas }) =>
    replicas
      .filter(({ state }) => onTheirWay.has(state))
      .map(({ replica_id, state, why }) => {
        const key = `${pool_id}/${replica_id}`;
        const elapsed = age(now() - (since.get(key) ?? now()));
        if (state === 'preparing') return { key, state, how: oneLine(why ?? elapsed) };
        const said = lastLine(pool_id, replica_id) ?? why;
        return { key, state, how: said === null ? elapsed : `${elapsed}  ${oneLine(said)}` };
      }),
  );
  const width = rows.reduce((most, { key }) => Math.max(most, key.length), 8);
  return rows.map(({ key, state, how }) => `  ${key.padEnd(width)}  ${state.padEnd(9)}  ${how}`);
}

function stoppingText(what: Stopping): string {
  if (what.rung === 'stop') return `stopping now: SIGTERM, SIGKILL after ${span(what.graceMs)} (Ctrl-C again: kill)`;
  const held = what.leases === 0 ? 'no lease' : what.leases === 1 ? '1 lease' : `${what.leases} leases`;
  return `stopping: ${held} held, draining up to ${span(what.deadlineMs)} (Ctrl-C again: stop engines now)`;
}
