/** The words of the command line, typed behind a colon. */

import type { ActVerb } from '../api/client.js';
import { type Place, placeName, placesOf } from '../text/places.js';
import { suggest } from '../text/suggest.js';
import { type Model, type Screen, seen } from './model.js';

export type PaletteWish =
  | { readonly kind: 'nothing' | 'quit' }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'act'; readonly verb: ActVerb; readonly names: readonly string[] }
  /** `name`: a replica to choose. */
  | { readonly kind: 'show'; readonly screen: Screen; readonly name: string | null };

const verbs: readonly ActVerb[] = ['drain', 'start', 'stop', 'restart', 'reset'];
const screens: Readonly<Record<string, Screen>> = {
  status: 'overview',
  logs: 'log',
  events: 'events',
  devices: 'devices',
  leases: 'devices',
  help: 'help',
};
const words = [...verbs, ...Object.keys(screens), 'quit'];

export function paletteWish(text: string, model: Model): PaletteWish {
  const [word, ...selectors] = text.trim().split(/\s+/).filter(Boolean);
  if (word === undefined) return { kind: 'nothing' };
  if (word === 'quit' || word === 'q') return { kind: 'quit' };
  const verb = verbs.find((each) => each === word);
  const screen = screens[word];
  if (verb === undefined && screen === undefined) {
    const meant = suggest(word, words);
    return {
      kind: 'refused',
      text: `there is no command "${word}" here${meant === null ? `: ${words.join(', ')}` : `; did you mean ${meant}?`}`,
    };
  }
  const places = known(model);
  const all = selectorsOf(places);
  const unknown = selectors.find((each) => !all.includes(each));
  if (unknown !== undefined) {
    const meant = suggest(unknown, all);
    return { kind: 'refused', text: `there is no "${unknown}"${meant === null ? '' : `; did you mean ${meant}?`}` };
  }
  if (verb !== undefined) {
    if (selectors.length === 0) return { kind: 'refused', text: `${verb} what? A pool, a replica such as chat/r0, or all` };
    const pools = [...new Set(places.map(({ pool }) => pool.pool_id))];
    return { kind: 'act', verb, names: selectors.includes('all') ? pools : [...new Set(selectors)] };
  }
  const [first] = selectors;
  const place = places.find((each) => placeName(each) === first || each.pool.pool_id === first);
  const name = place === undefined ? null : placeName(place);
  return { kind: 'show', screen: word === 'status' && name !== null ? 'details' : (screen ?? 'overview'), name };
}

/** The last word completed as far as it is clear. */
export function completed(text: string, model: Model): string {
  const at = text.lastIndexOf(' ') + 1;
  const begun = text.slice(at);
  const choices = (at === 0 ? words : selectorsOf(known(model))).filter((word) => word.startsWith(begun));
  const [first] = choices;
  if (first === undefined) return text;
  let common = first;
  while (!choices.every((word) => word.startsWith(common))) common = common.slice(0, -1);
  return `${text.slice(0, at)}${common}${choices.length === 1 ? ' ' : ''}`;
}

function known(model: Model): readonly Place[] {
  const { view } = seen(model).data;
  return view === null ? [] : placesOf(view);
}

function selectorsOf(places: readonly Place[]): readonly string[] {
  return [...new Set(places.map(({ pool }) => pool.pool_id)), ...places.map(placeName), 'all'];
}
