/** What comes in from outside, and the model that follows from it. */

import type { EventLine, LeaseView, StatusView } from '../api/wire.js';
import { placeName, placesOf } from '../text/places.js';
import { harmless } from '../text/width.js';
import type { Tone } from './line.js';
import type { CommandLine, Data, Failure, History, Model, Size } from './model.js';

export type News =
  /** `current`: from a supervisor that answers; otherwise it is what the last one wrote down. */
  | { readonly kind: 'view'; readonly view: StatusView; readonly current: boolean }
  | { readonly kind: 'event'; readonly event: EventLine }
  /** What happened before the view was opened. */
  | { readonly kind: 'past'; readonly events: readonly EventLine[] }
  | { readonly kind: 'leases'; readonly leases: readonly LeaseView[] }
  | { readonly kind: 'devices-note'; readonly note: string | null }
  | { readonly kind: 'log-opened'; readonly key: string }
  | { readonly kind: 'log'; readonly key: string; readonly lines: readonly string[] }
  | { readonly kind: 'command'; readonly key: string; readonly incarnation: number; readonly line: CommandLine | null }
  | { readonly kind: 'lost'; readonly failure: Failure; readonly retryAt: number }
  | { readonly kind: 'said'; readonly text: string; readonly tone: Tone }
  | { readonly kind: 'resized'; readonly size: Size }
  | { readonly kind: 'time' };

const keptEvents = 1_000;
const keptLines = 5_000;
const keptSamples = 120;
const messageMs = 8_000;

/** `now`: epoch milliseconds. */
export function hear(model: Model, news: News, now: number): Model {
  const next = { ...model, now, message: model.message !== null && model.message.until <= now ? null : model.message };
  switch (news.kind) {
    case 'view': {
      const { view, current } = news;
      const data: Partial<Data> = { view, viewAt: now, ...(current ? { history: sampled(next.data.history, view) } : {}) };
      return withData(current ? { ...next, link: { state: 'live', heardAt: now } } : next, data);
    }
    case 'event':
      return heard(next, news.event);
    case 'past': {
      const known = new Set(next.data.events.map(({ id }) => id));
      const all = [...news.events.filter(({ id }) => !known.has(id)), ...next.data.events];
      // What was missed while nobody answered belongs between what was heard before and since.
      return withData(next, { events: all.sort((a, b) => Date.parse(a.time) - Date.parse(b.time)).slice(-keptEvents) });
    }
    case 'leases':
      return withData(next, { leases: news.leases });
    case 'devices-note':
      return withData(next, { devicesNote: news.note });
    case 'log-opened':
      return { ...withData(next, { log: { key: news.key, lines: [], first: 0 } }), logEnd: null, found: null };
    case 'log': {
      const { log } = next.data;
      if (log.key !== news.key) return next;
      const lines = [...log.lines, ...news.lines.map(logText)];
      const over = Math.max(0, lines.length - keptLines);
      return withData(next, { log: { ...log, lines: lines.slice(over), first: log.first + over } });
    }
    case 'command':
      return withData(next, { command: { key: news.key, incarnation: news.incarnation, line: news.line } });
    case 'lost': {
      const since = next.link.state === 'lost' ? next.link.since : next.link.state === 'live' ? next.link.heardAt : now;
      return { ...next, link: { state: 'lost', since, retryAt: news.retryAt, failure: news.failure }, question: unasked(next) };
    }
    case 'said':
      return said(next, news.text, news.tone);
    case 'resized':
      return { ...next, size: news.size };
    case 'time':
      return next;
  }
}

export function said(model: Model, text: string, tone: Tone): Model {
  return { ...model, message: { text, tone, until: model.now + messageMs } };
}

function withData(model: Model, data: Partial<Data>): Model {
  return { ...model, data: { ...model.data, ...data } };
}

/** Nobody is there to do what was about to be confirmed. */
function unasked({ question }: Model): Model['question'] {
  return question?.kind === 'confirm' ? null : question;
}

function heard(model: Model, event: EventLine): Model {
  const { events } = model.data;
  const { scrolled } = model;
  // Who has scrolled back goes on reading the same lines.
  const held = scrolled.events > 0 ? { ...scrolled, events: scrolled.events + 1 } : scrolled;
  return withData({ ...model, scrolled: held }, { events: [...events, event].slice(-keptEvents) });
}

function sampled(history: History, view: StatusView): History {
  const values: readonly (readonly [string, number | null])[] = [
    ...view.devices.map(({ uuid, utilization_percent }) => [uuid, utilization_percent] as const),
    ...placesOf(view).map((place) => [placeName(place), place.replica.inflight] as const),
  ];
  return Object.fromEntries(values.map(([key, value]) => [key, [...(history[key] ?? []), value].slice(-keptSamples)]));
}

const escapeSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** A line of an engine as it may stand on a screen: without its colours, with its indentation. */
export function logText(line: string): string {
  return harmless(line.replace(/\r$/, '').replace(escapeSequences, '').replace(/\t/g, '    '));
}
