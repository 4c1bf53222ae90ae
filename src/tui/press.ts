/** A key, and what follows from it: where its user is then, and what is to be done outside. */

import type { ActVerb } from '../api/client.js';
import { placeName } from '../text/places.js';
import type { Key } from './keys.js';
import { bodyRows } from './layout.js';
import { isStale, listed, type Model, type Screen, seen, selectedIndex, selectedPlace } from './model.js';
import { said } from './news.js';
import { completed, paletteWish } from './palette.js';
import { mostScrolled } from './screens.js';
import { findIn, moveLog, shownLog } from './scroll.js';

export type Wish =
  | { readonly kind: 'quit' | 'redraw' | 'suspend' }
  | { readonly kind: 'act'; readonly verb: ActVerb; readonly names: readonly string[] }
  | { readonly kind: 'save'; readonly name: string; readonly lines: readonly string[] };

export type Pressed = { readonly model: Model; readonly wish: Wish | null };

const only = (model: Model): Pressed => ({ model, wish: null });

/** Ctrl-C and Ctrl-L work whatever is asked just now. */
export function press(model: Model, key: Key): Pressed {
  if (key.kind === 'control') {
    if (key.letter === 'c') return { model, wish: { kind: 'quit' } };
    if (key.letter === 'l') return { model, wish: { kind: 'redraw' } };
    if (key.letter === 'z') return { model, wish: { kind: 'suspend' } };
  }
  if (model.question !== null) return answer(model, key);
  const quiet = { ...model, message: null };
  return key.kind === 'char' ? letter(quiet, key.char) : only(moved(quiet, key));
}

const verbs: Readonly<Record<string, ActVerb>> = { d: 'drain', s: 'start', S: 'stop', r: 'restart', x: 'reset' };
const screens: readonly Screen[] = ['overview', 'details', 'log', 'events', 'devices'];

function letter(model: Model, char: string): Pressed {
  const verb = verbs[char];
  if (verb !== undefined) return only(asked(model, verb));
  const screen = screens[Number(char) - 1];
  if (screen !== undefined) return only(shownScreen(model, screen));
  switch (char) {
    case 'q':
      return { model, wish: { kind: 'quit' } };
    case 'j':
      return only(moved(model, { kind: 'down' }));
    case 'k':
      return only(moved(model, { kind: 'up' }));
    case 'g':
      return only(moved(model, { kind: 'home' }));
    case 'G':
      return only(moved(model, { kind: 'end' }));
    case 'l':
      return only(shownScreen(model, 'log'));
    case '?':
      return only(model.screen === 'help' ? back(model) : { ...shownScreen(model, 'help'), before: model.screen });
    case 'p':
      return only({ ...model, frozen: model.frozen === null ? seen(model) : null });
    case 'w':
      return only({ ...model, wrap: !model.wrap });
    case 'f':
      return only(model.screen === 'log' ? moveLog(model, model.logEnd === null ? 'stay' : 'end') : model);
    case 'n':
    case 'N':
      return only(model.screen === 'log' ? findIn(model, char === 'n' ? 1 : -1) : model);
    case 'y':
      return model.screen === 'log' ? saved(model) : only(model);
    case '/':
      return only({ ...model, question: { kind: 'filter', text: model.filter[filtered(model.screen)] } });
    case ':':
      return only({ ...model, question: { kind: 'palette', text: '' } });
    default:
      return only(model);
  }
}

/** Screens that have nothing to filter filter the list, which decides what they show. */
const filtered = (screen: Screen): Screen => (screen === 'log' || screen === 'events' ? screen : 'overview');

export function shownScreen(model: Model, screen: Screen): Model {
  return { ...model, screen, scrolled: { ...model.scrolled, details: 0, devices: 0, help: 0 } };
}

/** Asks before anything is done. */
function asked(model: Model, verb: ActVerb): Model {
  const place = selectedPlace(model);
  if (place === null) return model;
  return confirmed(model, verb, [placeName(place)]);
}

export function confirmed(model: Model, verb: ActVerb, names: readonly string[]): Model {
  if (model.settings.readOnly) return said(model, `cannot ${verb} anything: this view is read-only`, 'busy');
  if (isStale(model)) return said(model, `cannot ${verb} anything: the supervisor does not answer`, 'busy');
  return { ...model, question: { kind: 'confirm', verb, names } };
}

function back(model: Model): Model {
  if (model.screen === 'help') return shownScreen(model, model.before);
  const at = filtered(model.screen);
  if (model.found !== null) return { ...model, found: null };
  if (model.filter[at] !== '' && (model.screen === at || model.screen === 'overview'))
    return { ...model, filter: { ...model.filter, [at]: '' } };
  return shownScreen(model, 'overview');
}

function moved(model: Model, { kind, ...key }: Key): Model {
  const page = Math.max(1, bodyRows(model.size) - 3);
  const control = 'letter' in key ? key.letter : '';
  switch (kind === 'control' ? control : kind) {
    case 'escape':
      return back(model);
    case 'enter':
      return model.screen === 'overview' ? shownScreen(model, 'details') : model;
    case 'tab':
      return shownScreen(model, screens[(screens.indexOf(model.screen) + 1) % screens.length] ?? 'overview');
    case 'back-tab':
      return shownScreen(model, screens.at((Math.max(0, screens.indexOf(model.screen)) - 1) % screens.length) ?? 'overview');
    case 'up':
      return by(model, -1);
    case 'down':
      return by(model, 1);
    case 'page-up':
    case 'u':
      return by(model, -page);
    case 'page-down':
    case 'd':
      return by(model, page);
    case 'home':
      return by(model, Number.NEGATIVE_INFINITY);
    case 'end':
      return by(model, Number.POSITIVE_INFINITY);
    default:
      return model;
  }
}

/** Another replica in the overview, other lines elsewhere. Infinity goes to the end. */
function by(model: Model, lines: number): Model {
  const { screen } = model;
  if (screen === 'overview') {
    const places = listed(model);
    const next = places[Math.max(0, Math.min(places.length - 1, selectedIndex(model) + lines))];
    return next === undefined ? model : { ...model, selected: placeName(next) };
  }
  if (screen === 'log') return moveLog(model, lines);
  const most = mostScrolled(model);
  // The events stand with the newest at the bottom: what is scrolled past lies below.
  const towards = screen === 'events' ? -lines : lines;
  const next = Math.max(0, Math.min(most, Math.min(model.scrolled[screen], most) + towards));
  return { ...model, scrolled: { ...model.scrolled, [screen]: next } };
}

function saved(model: Model): Pressed {
  const place = selectedPlace(model);
  if (place === null) return only(model);
  const lines = shownLog(model);
  if (lines.length === 0) return only(said(model, 'there is nothing to write: no line of the log is shown', 'busy'));
  return { model, wish: { kind: 'save', name: placeName(place), lines } };
}

/** Keys while the last line asks for something. */
function answer(model: Model, key: Key): Pressed {
  const { question } = model;
  if (question === null) return only(model);
  const done = { ...model, question: null };
  if (question.kind === 'confirm') {
    if (key.kind !== 'char' || key.char.toLowerCase() !== 'y') return only(said(done, `nothing was done`, 'faint'));
    return { model: done, wish: { kind: 'act', verb: question.verb, names: question.names } };
  }
  if (key.kind === 'escape') return only(question.kind === 'filter' ? withFilter(done, '') : done);
  if (key.kind === 'enter') return question.kind === 'filter' ? only(done) : ordered(done, question.text);
  const text = typed(question.text, key, model);
  const asking = { ...model, question: { ...question, text } };
  return only(question.kind === 'filter' ? withFilter(asking, text) : asking);
}

/** What is filtered is seen while it is typed. */
function withFilter(model: Model, text: string): Model {
  return { ...model, found: null, filter: { ...model.filter, [filtered(model.screen)]: text } };
}

const longestText = 200;

function typed(text: string, key: Key, model: Model): string {
  if (key.kind === 'char') return `${text}${key.char}`.slice(0, longestText);
  if (key.kind === 'backspace') return [...text].slice(0, -1).join('');
  if (key.kind === 'control' && key.letter === 'u') return '';
  if (key.kind === 'tab' && model.question?.kind === 'palette') return completed(text, model);
  return text;
}

function ordered(model: Model, text: string): Pressed {
  const wish = paletteWish(text, model);
  switch (wish.kind) {
    case 'nothing':
      return only(model);
    case 'refused':
      return only(said(model, wish.text, 'busy'));
    case 'quit':
      return { model, wish: { kind: 'quit' } };
    case 'act':
      return only(confirmed(model, wish.verb, wish.names));
    case 'show':
      return only(shownScreen(wish.name === null ? model : { ...model, selected: wish.name }, wish.screen));
  }
}
