/** The supervisor's state as it changes: the event stream says when to look, the status says what is. Nothing is polled. */

import type { Client } from './client.js';
import type { EventLine, StatusView } from './wire.js';

/**
 * The state now, and again after events. It is listened before it is looked, so no change is missed; events that come while a look is under
 * way share the next one. Ends when the supervisor does, or when `signal` is aborted; `againAfterMs` also looks when nothing has happened for
 * so long. `hear` is told every event since before the first look.
 */
export async function* watchStatus(
  client: Client,
  signal: AbortSignal,
  againAfterMs: number | null = null,
  hear: (event: EventLine) => void = () => {},
): AsyncGenerator<StatusView, void, void> {
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const events = await client.events(null, both);
  const bell = new Bell();
  void (async () => {
    for await (const event of events) {
      hear(event);
      bell.ring();
    }
  })().finally(() => bell.close());
  both.addEventListener('abort', () => bell.close(), { once: true });
  try {
    do {
      yield await client.status();
    } while ((await bell.next(againAfterMs)) && !signal.aborted);
  } finally {
    ending.abort();
  }
}

/** Many rings before it is heard are one. */
class Bell {
  private rung = false;
  private closed = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }

  /** Resolves at the next ring or after `orAfterMs`; false when there will be none any more. */
  async next(orAfterMs: number | null): Promise<boolean> {
    if (!this.rung && !this.closed) {
      await new Promise<void>((resolve) => {
        const timer = orAfterMs === null ? undefined : setTimeout(resolve, orAfterMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.wake = null;
    this.rung = false;
    return !this.closed;
  }
}
