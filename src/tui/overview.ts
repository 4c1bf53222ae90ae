/** Screen 1: devices and replicas, with why and what next; where there is room, the log, details and events of the chosen one. */

import type { StatusView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { type Place, placeName } from '../text/places.js';
import { type Facts, factLines } from './detail-lines.js';
import { ageNote, deviceLines } from './device-lines.js';
import { eventLines } from './event-lines.js';
import { blockColumns, bodyRows, firstShown, listRows, roomyFrom } from './layout.js';
import { beside, cutLine, type Line, span } from './line.js';
import { logLines } from './log-lines.js';
import { rule, signs, staleSign } from './marks.js';
import { isStale, listed, type Model, seen, selectedIndex, selectedPlace } from './model.js';
import { replicaLines } from './replica-lines.js';

export function overviewLines(model: Model, view: StatusView): readonly Line[] {
  const [list = 0, ...others] = blockColumns(model.size);
  if (others.length === 0) return listLines(model, view, list);
  const [details = 0, events] = others;
  const listed = listLines(model, view, list);
  const free = bodyRows(model.size) - listed.length;
  // Room that the list does not need is for what has happened, unless that has a column of its own.
  const below = events === undefined && free >= leastNews ? newsLines(model, list - 1, free) : [];
  return beside([
    { lines: [...listed, ...below], columns: list },
    { lines: besideLines(model, view, events === undefined ? details : details - 1), columns: details },
    ...(events === undefined ? [] : [{ lines: newsLines(model, events, bodyRows(model.size)), columns: events }]),
  ]);
}

/** Under a rule. */
const leastNews = 4;

function listLines(model: Model, view: StatusView, room: number): readonly Line[] {
  const { size, settings, filter } = model;
  const { data } = seen(model);
  // The block at its right needs a gap.
  const columns = room < size.columns ? room - 1 : room;
  const places = listed(model);
  const rows = listRows(size, columns, { devices: view.devices.length, replicas: places.length });
  const chosen = selectedPlace(model);
  const first = firstShown(selectedIndex(model), places.length, rows.replicas);
  const shown = places.slice(first, first + rows.replicas);
  const { utf8 } = settings;
  const range = shown.length < places.length ? `${first + 1}-${first + shown.length} of ${places.length}` : `${places.length}`;
  const note = ageNote(view.devices, data.devicesNote);
  const devicesRight = note === null ? `${view.devices.length}` : span(note, 'busy');
  const devices =
    rows.devices === 0
      ? []
      : [
          rule('Devices', devicesRight, columns, utf8),
          ...deviceLines(
            { devices: view.devices, columns, utf8, history: size.columns < roomyFrom ? null : data.history },
            rows.devices,
          ),
        ];
  const replicas =
    places.length === 0
      ? [cutLine([span(`  ${emptyText(model, view)}`)], columns)]
      : replicaLines(
          {
            places,
            devices: view.devices,
            terminal: size.columns,
            columns,
            selected: chosen === null ? null : placeName(chosen),
            stale: isStale(model),
            agedMs: Math.max(0, seen(model).now - data.viewAt),
            history: data.history,
            utf8,
          },
          shown,
        );
  return [
    ...devices,
    rule('Replicas', filter.overview === '' ? range : `/${filter.overview}  ${range}`, columns, utf8),
    ...replicas,
    ...(rows.log === 0 || chosen === null ? [] : logBlock(model, chosen, rows.log + 1, columns)),
  ];
}

function emptyText({ filter }: Model, view: StatusView): string {
  if (filter.overview !== '') return `nothing has "${filter.overview}" in it; esc takes the filter away`;
  if (view.pools.length > 0) return 'nothing that was asked for is there any more';
  const file = oneLine(view.supervisor.inventory.slice(view.supervisor.inventory.lastIndexOf('/') + 1));
  return `no pools in ${file}; run poolctl init`;
}

/** The end of the chosen replica's log under its rule, in so many rows. */
export function logBlock(model: Model, place: Place, rows: number, columns: number): readonly Line[] {
  const { log } = seen(model).data;
  const name = placeName(place);
  const { incarnation } = place.replica;
  const lines =
    log.key === name ? logLines({ log, filter: '', end: null, found: null, wrap: false, rows: rows - 1, columns }) : [];
  const where = isStale(model) ? 'as it was' : 'following';
  return [rule(`${name} log`, `${where}  incarnation ${incarnation}`, columns, model.settings.utf8), ...lines];
}

/** `embed/r0 ──── ! broken, goal up`. */
export function placeRule(model: Model, { pool, replica }: Place, columns: number): Line {
  const stale = isStale(model);
  const state = stale ? `${staleSign} ${replica.state}?` : `${signs[replica.state]} ${replica.state}`;
  return rule(`${pool.pool_id}/${replica.replica_id}`, `${state}, goal ${replica.goal}`, columns, model.settings.utf8);
}

export function factsOf(model: Model, view: StatusView, place: Place): Facts {
  const { data, now } = seen(model);
  const { home, utf8 } = model.settings;
  return { place, view, leases: data.leases, home, now, running: data.history[placeName(place)] ?? [], utf8 };
}

/** At the right of the list: what is to be known of the chosen one, and its log. */
function besideLines(model: Model, view: StatusView, columns: number): readonly Line[] {
  const place = selectedPlace(model);
  if (place === null) return [];
  const body = bodyRows(model.size);
  const facts = factLines(factsOf(model, view, place), columns, 2).slice(0, body - 6);
  return [placeRule(model, place, columns), ...facts, ...logBlock(model, place, body - 1 - facts.length, columns)];
}

function newsLines(model: Model, columns: number, rows: number): readonly Line[] {
  const { events } = seen(model).data;
  return [rule('Events', '', columns, model.settings.utf8), ...eventLines(events, 0, rows - 1, columns)];
}
