/** What stands between the first line and the last one, screen by screen; and how far it can be scrolled. */

import type { StatusView } from '../api/wire.js';
import { placeName } from '../text/places.js';
import { commandLines, factLines, timelineLines } from './detail-lines.js';
import { ageNote, deviceLines } from './device-lines.js';
import { chosenEvents, eventLines, leaseLines } from './event-lines.js';
import { helpLines } from './help-lines.js';
import { bodyRows } from './layout.js';
import { cutLine, type Line, span } from './line.js';
import { candidates, logLines } from './log-lines.js';
import { rule } from './marks.js';
import { isStale, type Model, seen, selectedPlace } from './model.js';
import { factsOf, overviewLines, placeRule } from './overview.js';

/** At most as many lines as there are rows for; before anything is known, the help alone. */
export function screenLines(model: Model): readonly Line[] {
  const rows = bodyRows(model.size);
  const { view } = seen(model).data;
  if (view === null && model.screen !== 'help') return [];
  switch (model.screen) {
    case 'overview':
      return view === null ? [] : overviewLines(model, view).slice(0, rows);
    case 'log':
      return logScreen(model);
    case 'events':
      return eventsScreen(model);
    case 'details':
    case 'devices':
    case 'help': {
      const lines = wholeLines(model, view);
      const skipped = Math.min(model.scrolled[model.screen], Math.max(0, lines.length - rows));
      return lines.slice(skipped, skipped + rows);
    }
  }
}

/** How far the present screen can be scrolled: from the top, or of the events from the end. The log has numbers of its own. */
export function mostScrolled(model: Model): number {
  const { data } = seen(model);
  const rows = bodyRows(model.size);
  if (model.screen === 'events') return Math.max(0, chosenEvents(data.events, model.filter.events).length - (rows - 1));
  if (model.screen === 'overview' || model.screen === 'log') return 0;
  return Math.max(0, wholeLines(model, data.view).length - rows);
}

/** All lines of a screen that is read from the top. */
function wholeLines(model: Model, view: StatusView | null): readonly Line[] {
  if (model.screen === 'help') return helpScreen(model);
  if (view === null) return [];
  return model.screen === 'devices' ? devicesScreen(model, view) : detailsScreen(model, view);
}

const leastTimeline = 3;

function detailsScreen(model: Model, view: StatusView): readonly Line[] {
  const place = selectedPlace(model);
  const { columns } = model.size;
  const { utf8 } = model.settings;
  if (place === null) return [cutLine([span('  no replica is chosen')], columns)];
  const { data } = seen(model);
  const facts = factLines(factsOf(model, view, place), columns, 3);
  const { command } = data;
  const known = command !== null && command.key === placeName(place) && command.incarnation === place.replica.incarnation;
  const executed = known && command.line !== null ? commandLines(command.line, 4, columns) : [];
  const below = executed.length === 0 ? 0 : executed.length + 1;
  const room = Math.max(leastTimeline, bodyRows(model.size) - 1 - facts.length - 1 - below);
  const timeline = timelineLines(place, data.events, room, columns);
  return [
    placeRule(model, place, columns),
    ...facts,
    rule('Timeline', '', columns, utf8),
    ...(timeline.length === 0 ? [cutLine([span('  nothing is known of it yet', 'faint')], columns)] : timeline),
    ...(below === 0 ? [] : [rule('Command', '', columns, utf8), ...executed]),
  ];
}

function logScreen(model: Model): readonly Line[] {
  const place = selectedPlace(model);
  const { columns } = model.size;
  if (place === null) return [cutLine([span('  no replica is chosen')], columns)];
  const { log } = seen(model).data;
  const { logEnd: end, found, wrap, filter } = model;
  const window = { log, filter: filter.log, end, found, wrap, rows: bodyRows(model.size) - 1, columns };
  const own = log.key === placeName(place);
  const lines = own ? logLines(window) : [];
  const filtered = filter.log === '' ? '' : `/${filter.log}  ${found === null ? `${candidates(window).length} lines` : 'find'}  `;
  const where = isStale(model)
    ? 'as it was'
    : end === null
      ? 'following'
      : `stays at line ${end + 1} of ${log.first + log.lines.length}`;
  const right = `${filtered}${where}  incarnation ${place.replica.incarnation}`;
  const empty = log.lines.length === 0 ? 'it has written nothing yet' : `no line has "${filter.log}" in it`;
  return [
    rule(`${placeName(place)} log`, right, columns, model.settings.utf8),
    ...(lines.length === 0 ? [cutLine([span(`  ${empty}`, 'faint')], columns)] : lines),
  ];
}

function eventsScreen(model: Model): readonly Line[] {
  const { columns } = model.size;
  const filter = model.filter.events;
  const events = chosenEvents(seen(model).data.events, filter);
  const skipped = Math.min(model.scrolled.events, mostScrolled(model));
  const right = `${filter === '' ? '' : `/${filter}  `}${skipped === 0 ? 'following  ' : `${skipped} newer below  `}${events.length}`;
  const lines = eventLines(events, skipped, bodyRows(model.size) - 1, columns);
  return [
    rule('Events', right, columns, model.settings.utf8),
    ...(lines.length === 0
      ? [cutLine([span(filter === '' ? '  nothing has happened yet' : `  no event has "${filter}" in it`, 'faint')], columns)]
      : lines),
  ];
}

function devicesScreen(model: Model, view: StatusView): readonly Line[] {
  const { columns } = model.size;
  const { utf8 } = model.settings;
  const { data, now } = seen(model);
  const { devices } = view;
  const note = ageNote(devices, data.devicesNote);
  const block = { devices, columns, utf8, history: data.history };
  const lines =
    devices.length === 0
      ? [cutLine([span('  no GPU is known; pools run on the CPU', 'faint')], columns)]
      : deviceLines(block, devices.length);
  return [
    rule('Devices', note === null ? `${devices.length}` : span(note, 'busy'), columns, utf8),
    ...lines,
    rule('Leases', `${data.leases.length}`, columns, utf8),
    ...leaseLines(data.leases, now, columns),
  ];
}

function helpScreen({ settings, size }: Model): readonly Line[] {
  return [rule('Keys', '', size.columns, settings.utf8), ...helpLines(settings.readOnly, size.columns)];
}
