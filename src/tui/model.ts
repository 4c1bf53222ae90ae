/** All that the view knows: what it was told, and where its user is. A value; `news.ts` and `press.ts` make the next one. */

import type { ActVerb } from '../api/client.js';
import type { EventLine, LeaseView, StatusView } from '../api/wire.js';
import { type Place, placeName, placesOf } from '../text/places.js';
import type { Tone } from './line.js';

/** How it stands with the supervisor. Times are epoch milliseconds. */
export type Link =
  | { readonly state: 'connecting'; readonly since: number }
  | { readonly state: 'live'; readonly heardAt: number }
  | { readonly state: 'lost'; readonly since: number; readonly retryAt: number; readonly failure: Failure };

export type Failure = {
  /** `gone`: it was there; `nobody`: there was none yet; `refused`: it is there, and not for us. */
  readonly kind: 'gone' | 'nobody' | 'refused';
  readonly what: string;
  readonly why: string | null;
  readonly hint: string | null;
};

export type LogData = {
  /** `chat/r0`; null before anything is selected. */
  readonly key: string | null;
  readonly lines: readonly string[];
  /** The number of the first line: those before it were let go. */
  readonly first: number;
};

/** The command of a living engine, as it may be shown. */
export type CommandLine = { readonly argv: readonly string[]; readonly env: readonly string[] };

export type History = Readonly<Record<string, readonly (number | null)[]>>;

/** What comes from outside. */
export type Data = {
  readonly view: StatusView | null;
  /** When the view was had. */
  readonly viewAt: number;
  readonly events: readonly EventLine[];
  readonly leases: readonly LeaseView[];
  /** What the supervisor says of devices whose numbers are old. */
  readonly devicesNote: string | null;
  readonly log: LogData;
  readonly command: { readonly key: string; readonly incarnation: number; readonly line: CommandLine | null } | null;
  /** Of devices (by UUID) utilisation in percent, of replicas (by name) running requests; the newest last. */
  readonly history: History;
};

export type Screen = 'overview' | 'details' | 'log' | 'events' | 'devices' | 'help';

/** What the footer's line asks for. */
export type Question =
  | { readonly kind: 'confirm'; readonly verb: ActVerb; readonly names: readonly string[] }
  | { readonly kind: 'filter'; readonly text: string }
  | { readonly kind: 'palette'; readonly text: string };

export type Size = { readonly columns: number; readonly rows: number };

export type Settings = {
  readonly host: string;
  readonly home: string;
  readonly socket: string;
  readonly utf8: boolean;
  readonly readOnly: boolean;
};

export type Model = {
  readonly settings: Settings;
  readonly size: Size;
  readonly now: number;
  readonly startedAt: number;
  readonly data: Data;
  /** What is shown while it is paused. */
  readonly frozen: { readonly data: Data; readonly now: number } | null;
  readonly link: Link;
  readonly screen: Screen;
  /** Where Esc leads from the help. */
  readonly before: Screen;
  readonly selected: string | null;
  readonly question: Question | null;
  readonly message: { readonly text: string; readonly tone: Tone; readonly until: number } | null;
  readonly filter: Readonly<Record<Screen, string>>;
  /** The number of the last line that is shown; null: whatever comes last. */
  readonly logEnd: number | null;
  /** All lines are shown, and this one was found. */
  readonly found: number | null;
  /** Lines that are scrolled past, of screens that are read from the top. */
  readonly scrolled: Readonly<Record<Screen, number>>;
  readonly wrap: boolean;
};

const nowhere = { overview: 0, details: 0, log: 0, events: 0, devices: 0, help: 0 } as const;
const unfiltered = { overview: '', details: '', log: '', events: '', devices: '', help: '' } as const;

export function initialModel(settings: Settings, size: Size, now: number): Model {
  return {
    settings,
    size,
    now,
    startedAt: now,
    data: {
      view: null,
      viewAt: now,
      events: [],
      leases: [],
      devicesNote: null,
      log: { key: null, lines: [], first: 0 },
      command: null,
      history: {},
    },
    frozen: null,
    link: { state: 'connecting', since: now },
    screen: 'overview',
    before: 'overview',
    selected: null,
    question: null,
    message: null,
    filter: unfiltered,
    logEnd: null,
    found: null,
    scrolled: nowhere,
    wrap: false,
  };
}

/** A supervisor that answers nothing for so long is told of. Its events' stream says something every 15 s, its status every second. */
const silentAfterMs = 5_000;

/** What is shown, and the time that it is shown for. */
export const seen = ({ frozen, data, now }: Model): { readonly data: Data; readonly now: number } => frozen ?? { data, now };

/** Shown data is what was, not what is. */
export function isStale({ link, now, data }: Model): boolean {
  if (data.view?.stale === true || link.state === 'lost') return true;
  return link.state === 'live' && now - link.heardAt > silentAfterMs;
}

/** The replicas that the overview lists: all, or those that the filter leaves. */
export function listed(model: Model): readonly Place[] {
  const { view } = seen(model).data;
  if (view === null) return [];
  const wanted = model.filter.overview.toLowerCase();
  const places = placesOf(view);
  if (wanted === '') return places;
  return places.filter((place) => {
    const { state, why, model_id } = place.replica;
    return [placeName(place), state, why ?? '', model_id ?? ''].some((text) => text.toLowerCase().includes(wanted));
  });
}

/** Which of those that are listed the keys act on: the one that was chosen, else the first; -1 where there is none. */
export function selectedIndex(model: Model): number {
  const places = listed(model);
  return Math.max(
    places.length === 0 ? -1 : 0,
    places.findIndex((place) => placeName(place) === model.selected),
  );
}

export function selectedPlace(model: Model): Place | null {
  return listed(model)[selectedIndex(model)] ?? null;
}
