/** Answers that do not end at once: events and engine logs. Each holds a bounded amount for a reader that is slow. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { followLog, readLog } from './logs.js';
import type { LogRequest } from './route.js';
import type { Service } from './service.js';
import { formatGap, formatLine } from './sse.js';
import type { EventLine } from './wire.js';

/** A reader that has not taken so much of what was sent to it is slow: it misses events and gets a `gap` for them. */
const maxUnreadBytes = 1024 * 1024;
/** As many events may pass while the past is still being sent. */
const maxWaitingEvents = 4096;
/** A comment so often shows both ends that the other lives. */
const keepAliveMs = 15_000;

export type Streaming = { readonly gone: AbortSignal; readonly now: () => number };

/**
 * Events from now on, or from the one after `since`. Whatever cannot be sent (an id that is not known any more, a reader that is too slow) is
 * told by one `gap` event in its place; no event comes twice. Resolves when the reader has gone or the server closes.
 */
export async function streamEvents(
  response: ServerResponse,
  service: Service,
  since: string | null,
  { gone, now }: Streaming,
): Promise<void> {
  let waiting: EventLine[] | null = [];
  let missed: string | null = null;
  const end = service.onEvent((line) => {
    if (waiting === null) return send(line);
    if (waiting.length < maxWaitingEvents) waiting.push(line);
    else missed = 'this reader is too slow';
  });
  const send = (line: EventLine): void => {
    if (missed !== null || response.writableLength > maxUnreadBytes) {
      missed ??= 'this reader is too slow';
      return;
    }
    response.write(formatLine(line));
  };
  const tellGap = (): void => {
    if (missed === null) return;
    response.write(formatGap(missed, new Date(now()).toISOString()));
    missed = null;
  };
  response.on('drain', tellGap);
  const alive = setInterval(() => response.writableLength === 0 && response.write(': alive\n\n'), keepAliveMs);
  try {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    response.write(': poolctl events\n\n');
    const past = since === null ? [] : await service.eventsSince(since);
    if (past === null) response.write(formatGap(`the event "${since}" is not known any more`, new Date(now()).toISOString()));
    const sent = new Set<string>();
    for (const line of past ?? []) {
      sent.add(line.id);
      if (!response.write(formatLine(line))) await drained(response, gone);
      if (gone.aborted) return;
    }
    const late: readonly EventLine[] = waiting;
    const overflowed: string | null = missed;
    [waiting, missed] = [null, null];
    for (const line of late) if (!sent.has(line.id)) send(line);
    if (overflowed !== null) {
      missed ??= overflowed;
      if (!response.writableNeedDrain) tellGap();
    }
    if (!gone.aborted) await once(gone, 'abort');
  } finally {
    end();
    clearInterval(alive);
    response.end();
  }
}

/** A log as plain text. Resolves when it is told, or, followed, when the reader has gone or the server closes. */
export async function streamLog(
  response: ServerResponse,
  { path, key, tail, follow, previous }: LogRequest,
  { gone }: Streaming,
): Promise<void> {
  const selection = { key, tail, previous };
  const blocks = follow && !previous ? followLog(path, selection, { signal: gone }) : await readLog(path, selection);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.flushHeaders();
  for await (const bytes of blocks ?? []) {
    if (gone.aborted) break;
    if (!response.write(bytes)) await drained(response, gone);
  }
  response.end();
}

/** Until the reader has taken what it was sent, or is gone. */
async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  if (gone.aborted || !response.writableNeedDrain) return;
  await once(response, 'drain', { signal: gone }).catch(() => undefined);
}
