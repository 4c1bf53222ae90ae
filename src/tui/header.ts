/** The first line: whose view it is and how things stand; or, before all else, that it is not of now. */

import type { ReplicaStateName, StatusView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { placesOf, tones } from '../text/places.js';
import { countStates } from '../text/state-counts.js';
import { age, clockTime, span as duration } from '../text/time.js';
import { cutLine, type Line, span, spread, widthOf } from './line.js';
import { type Model, seen } from './model.js';

/** Waiting that is over sooner is not worth a word. */
const silentMs = 300;

export function headerLine(model: Model): Line {
  const { size, now, settings } = model;
  const { data, now: shownAt } = seen(model);
  const clock = span(clockTime(now), 'faint');
  const trouble = troubleText(model);
  if (trouble !== null) return spread([span(trouble, 'bad')], [span(' '), clock], size.columns);
  const { view, viewAt } = data;
  const name = [span('poolctl', 'strong'), span(`  ${oneLine(settings.host)}`)];
  if (view === null) {
    const waiting = model.link.state === 'connecting' && now - model.startedAt >= silentMs;
    return spread([...name, ...(waiting ? [span(`  ${connecting(model)}`, 'faint')] : [])], [clock], size.columns);
  }
  const up = span(`  up ${age(view.supervisor.uptime_seconds * 1000 + Math.max(0, shownAt - viewAt))}`);
  const modes = [
    ...(model.frozen === null ? [] : [span(`paused at ${clockTime(model.frozen.now)}  `, 'busy')]),
    // What exactly, and why, stands among the events.
    ...(view.supervisor.unsaved.length === 0 ? [] : [span('not all is saved  ', 'bad')]),
    ...(settings.readOnly ? [span('read-only  ', 'faint')] : []),
  ];
  const counts = countSpans(view, Number.POSITIVE_INFINITY);
  const right = [...modes, ...counts, clock];
  const left = [[...name, up], name, [name[0] ?? up]].find((each) => widthOf(each) + 2 + widthOf(right) <= size.columns);
  if (left !== undefined) return spread(left, right, size.columns);
  return cutLine([...modes, ...countSpans(view, size.columns - widthOf(modes) - widthOf([clock])), clock], size.columns);
}

/** `2 ready  1 broken  +3`: what is in trouble gives way last. Ends in a gap. */
export function countSpans(view: StatusView, columns: number): Line {
  const places = placesOf(view);
  const counted = countStates(places.map(({ replica }) => replica));
  let kept = counted;
  for (const { state } of [...counted].sort((a, b) => weights[tones[b.state]] - weights[tones[a.state]])) {
    if (widthOf(spansOf(kept, places.length)) <= columns) break;
    kept = kept.filter((each) => each.state !== state);
  }
  return spansOf(kept, places.length);
}

const weights = { good: 0, bad: 1, busy: 2, faint: 3 } as const;

function spansOf(counts: readonly { readonly state: ReplicaStateName; readonly count: number }[], all: number): Line {
  const others = all - counts.reduce((sum, { count }) => sum + count, 0);
  return [
    ...counts.flatMap(({ state, count }) => [span(`${count} ${state}`, tones[state]), span('  ')]),
    ...(others === 0 ? [] : [span(`+${others}`), span('  ')]),
  ];
}

function connecting({ settings, now, startedAt }: Model): string {
  const wheel = '|/-\\'[Math.floor((now - startedAt) / 250) % 4] ?? '|';
  return `connecting to ${settings.socket} ${wheel}`;
}

/** Null where the supervisor answers. */
function troubleText({ link, now, data }: Model): string | null {
  if (link.state === 'live') {
    const silentFor = now - link.heardAt;
    return silentFor > 5_000 ? `NO ANSWER ${age(silentFor)}: supervisor pid ${data.view?.supervisor.pid ?? '?'} is silent` : null;
  }
  if (link.state === 'connecting') return null;
  const { failure, since, retryAt } = link;
  const again = retryAt <= now ? 'trying' : `retry in ${duration(Math.ceil((retryAt - now) / 1_000) * 1_000)}`;
  if (failure.kind === 'nobody') return `NOT RUNNING: ${failure.what}; ${again}`;
  return `${failure.kind === 'gone' ? 'DISCONNECTED' : 'REFUSED'} ${age(now - since)}: ${failure.what}; ${again}`;
}
