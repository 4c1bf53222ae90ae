/** Server-sent events, both ways: how an event is written to a stream, and how a stream is read. */

import type { EventLine } from './wire.js';

/** One event as it goes over the wire. */
export function formatEvent({
  id,
  event,
  data,
}: {
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}): string {
  const body = data
    .split('\n')
    .map((line) => `data: ${line}\n`)
    .join('');
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\n${body}\n`;
}

/** What a listener gets in place of events that it has missed. */
export function formatGap(why: string, time: string): string {
  return formatEvent({
    event: 'gap',
    data: JSON.stringify({ time, event: 'gap', level: 'warn', human: `events are missing here: ${why}`, reason: why }),
  });
}

export function formatLine(line: EventLine): string {
  return formatEvent({ id: line.id, event: line.event, data: JSON.stringify(line) });
}

export type SseMessage = { readonly id: string | null; readonly event: string; readonly data: string };

/**
 * A reader of one stream: give it text as it comes, in pieces of any size, and it returns the messages that are whole. Comments and
 * unknown fields are passed over. Throws when a single message grows beyond `maxChars`: a server that never ends one is not ours.
 */
export function sseReader(maxChars = 8 * 1024 * 1024): (text: string) => readonly SseMessage[] {
  let rest = '';
  let id: string | null = null;
  let event = 'message';
  let data: string[] = [];
  let held = 0;
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const messages: SseMessage[] = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0) messages.push({ id, event, data: data.join('\n') });
        [id, event, data, held] = [null, 'message', [], 0];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') {
        data.push(value);
        held += value.length + 1;
      }
    }
    if (held + rest.length > maxChars) throw new RangeError(`an event of more than ${maxChars} characters`);
    return messages;
  };
}
