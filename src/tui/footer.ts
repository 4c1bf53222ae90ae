/** The last line: what is asked, else what was answered, else what the keys do here. */

import type { ActVerb } from '../api/client.js';
import { oneLine } from '../text/one-line.js';
import { placeName, placesOf } from '../text/places.js';
import { span as duration } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { cutLine, type Line, span } from './line.js';
import { isStale, type Model, type Question, type Screen, seen } from './model.js';

type Entry = { readonly key: string; readonly word: string; readonly acts?: true };

const actions: readonly Entry[] = [
  { key: 'd', word: 'drain', acts: true },
  { key: 's', word: 'start', acts: true },
  { key: 'S', word: 'stop', acts: true },
  { key: 'r', word: 'restart', acts: true },
  { key: 'x', word: 'reset', acts: true },
];

const entries: Readonly<Record<Screen, readonly Entry[]>> = {
  overview: [{ key: 'enter', word: 'details' }, { key: 'l', word: 'log' }, ...actions, { key: '/ : ?', word: '' }],
  details: [{ key: 'esc', word: 'back' }, { key: 'l', word: 'log' }, ...actions, { key: ': ?', word: '' }],
  log: [
    { key: 'esc', word: 'back' },
    { key: 'f', word: 'follow' },
    { key: '/', word: 'filter' },
    { key: 'n N', word: 'find' },
    { key: 'w', word: 'wrap' },
    { key: 'y', word: 'write to a file' },
    { key: ': ?', word: '' },
  ],
  events: [
    { key: 'esc', word: 'back' },
    { key: '/', word: 'filter' },
    { key: 'p', word: 'pause' },
    { key: ': ?', word: '' },
  ],
  devices: [
    { key: 'esc', word: 'back' },
    { key: 'j k', word: 'scroll' },
    { key: ': ?', word: '' },
  ],
  help: [
    { key: 'esc', word: 'back' },
    { key: 'j k', word: 'scroll' },
  ],
};

export function footerLine(model: Model): Line {
  const { question, message, size } = model;
  if (question !== null) return cutLine(questionLine(question, model), size.columns);
  if (message !== null) return cutLine([span(oneLine(message.text), message.tone)], size.columns);
  return keysLine(model);
}

/** As many as there is room for; of the actions the last go first. */
function keysLine(model: Model): Line {
  const { screen, settings, size } = model;
  const off = settings.readOnly || isStale(model);
  let shown = entries[screen].filter(({ acts }) => !(off && acts === true));
  const all = (): readonly Entry[] => [...shown, { key: 'q', word: size.columns >= 79 && screen !== 'overview' ? 'quit' : '' }];
  const widthOf = (list: readonly Entry[]): number =>
    list.reduce((sum, { key, word }) => sum + displayWidth(key) + (word === '' ? 0 : displayWidth(word) + 1) + 2, -2);
  while (widthOf(all()) > size.columns && shown.length > 0) {
    const action = shown.findLastIndex(({ acts }) => acts === true);
    const gone = action === -1 ? shown.length - 1 : action;
    shown = shown.filter((_, index) => index !== gone);
  }
  const line = all().flatMap(({ key, word }, index) => [
    span(index === 0 ? '' : '  '),
    span(key, 'strong'),
    span(word === '' ? '' : ` ${word}`),
  ]);
  return cutLine(line, size.columns);
}

function questionLine(question: Question, model: Model): Line {
  if (question.kind === 'filter') return [span('/', 'strong'), span(question.text), span('_', 'faint')];
  if (question.kind === 'palette') return [span(':', 'strong'), span(question.text), span('_', 'faint')];
  const { verb, names } = question;
  const asked = `${verb} ${names.map(oneLine).join(' ')}? `;
  const choice = '[y/N]';
  // Whatever else has no room: what is asked, and how to answer.
  const room = model.size.columns - displayWidth(asked) - choice.length - 2;
  const [effect] = cutLine([span(effectText(verb, names, model))], Math.max(0, room));
  return [
    span(asked, 'strong'),
    span(effect === undefined || effect.text === '' ? '' : `${effect.text}  `),
    span(choice, 'strong'),
  ];
}

/** What it does to those who are served just now. */
function effectText(verb: ActVerb, names: readonly string[], model: Model): string {
  const { view } = seen(model).data;
  const places = (view === null ? [] : placesOf(view)).filter(
    (place) => names.includes(placeName(place)) || names.includes(place.pool.pool_id),
  );
  const leases = places.reduce((sum, { replica }) => sum + replica.active_leases, 0);
  const running = places.reduce((sum, { replica }) => sum + (replica.inflight ?? 0), 0);
  const work = leases + running === 0 ? null : `${count(leases, 'lease')}, ${count(running, 'running request')}`;
  const longest = Math.max(...places.map(({ pool }) => pool.drain_deadline_ms));
  const live = places.some(({ replica }) => replica.live);
  switch (verb) {
    case 'drain':
      return work === null
        ? live
          ? 'no lease is held; the engine is stopped'
          : 'it does not run'
        : `${work}, forced after ${duration(longest)}`;
    case 'stop':
      return work === null ? 'the engine ends now' : `${work} are cut off now`;
    case 'restart':
      return work === null ? 'stopped, and started again' : `drains ${work}, at most ${duration(longest)}`;
    case 'start':
      return 'launches at once';
    case 'reset':
      return 'closes its breaker, forgets its failures, and launches';
  }
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
