/** What is going to happen to one engine, drawn when it is launched, by the weather over its pool. */

import type { Alarm } from '../../src/core/facts.js';
import { alarmOf, type Ending, endings } from './exits.js';
import type { Random } from './random.js';
import { drawTelling, type Telling } from './requests.js';

/** Calm for most of the time; otherwise one kind of trouble for a while. */
export const weathers = [
  'calm',
  'flaky',
  'crash loop',
  'dies loading',
  'misconfigured',
  'slow loads',
  'hangs loading',
  'hangs',
  'GPU errors',
  'deaf',
  'exits 0',
] as const;
export type Weather = (typeof weathers)[number];

/** How a serving engine is unwell for a while. `busy`: no answers to probes, and yet it works. `lying`: somebody else answers. */
export type Spell = 'silent' | 'failing' | 'refusing' | 'busy' | 'lying';

export type Fate = {
  readonly loadMs: number;
  /** Whether its log and its reads grow while it loads. */
  readonly progresses: boolean;
  /** Counted from its launch; null: it lives until it is ended. */
  readonly end: { readonly afterMs: number; readonly how: Ending } | null;
  readonly spells: readonly { readonly afterMs: number; readonly forMs: number; readonly kind: Spell }[];
  readonly alarms: readonly { readonly afterMs: number; readonly alarm: Alarm }[];
  /** How long it takes to obey the stop signal; infinite: it does not. */
  readonly termMs: number;
  /** How long it outlives SIGKILL: a process in the driver can for minutes. */
  readonly killMs: number;
  /** Processes beside the leader. A stray has left the group. */
  readonly workers: number;
  readonly strays: number;
  readonly telling: Telling;
  /** Whether they go when the leader does. */
  readonly workersFollow: boolean;
};

export function drawFate(weather: Weather, random: Random): Fate {
  const loadMs = loadTime(weather, random);
  return {
    loadMs,
    progresses: random.chance(0.8),
    end: drawEnd(weather, loadMs, random),
    spells: drawSpells(weather, loadMs, random),
    alarms: drawAlarms(weather, loadMs, random),
    termMs: weather === 'deaf' || random.chance(0.05) ? Number.POSITIVE_INFINITY : random.between(5, 3_000),
    killMs: random.chance(weather === 'deaf' ? 0.2 : 0.01) ? random.between(6_000, 600_000) : random.between(1, 30),
    workers: random.chance(0.4) ? 1 + random.below(3) : 0,
    strays: random.chance(0.15) ? 1 : 0,
    telling: drawTelling(random),
    workersFollow: random.chance(0.6),
  };
}

function loadTime(weather: Weather, random: Random): number {
  if (weather === 'hangs loading') return Number.POSITIVE_INFINITY;
  if (weather === 'slow loads') return random.between(60_000, 500_000);
  return random.between(500, 25_000);
}

function drawEnd(weather: Weather, loadMs: number, random: Random): Fate['end'] {
  const loading = Math.min(loadMs, 20_000) * random.next();
  const soon = loadMs + random.exponential(8_000);
  switch (weather) {
    case 'crash loop':
      return { afterMs: soon, how: random.pick([endings.segfault, endings.abort, endings['out of VRAM']]) };
    case 'dies loading':
      return {
        afterMs: loading,
        how: random.pick([endings['exit 1 without a word'], endings['out of VRAM'], endings['exit 0']]),
      };
    case 'misconfigured':
      return { afterMs: loading, how: random.pick([endings['bad flag'], endings['port in use'], endings['peer unreachable']]) };
    case 'GPU errors':
      return { afterMs: soon, how: random.pick([endings['illegal access'], endings['driver error'], endings['lost device']]) };
    case 'exits 0':
      return { afterMs: soon, how: random.pick([endings['exit 0'], endings['exit 0 with evidence']]) };
    case 'hangs loading':
      return null;
    case 'flaky':
      return { afterMs: loadMs + random.exponential(400_000), how: drawEnding(random) };
    default:
      return { afterMs: loadMs + random.exponential(10 * 3_600_000), how: drawEnding(random) };
  }
}

/** Of a well configured engine: what names its configuration is not among them. */
function drawEnding(random: Random): Ending {
  return random.pick([
    endings.segfault,
    endings.abort,
    endings['out of VRAM'],
    endings['out of host memory'],
    endings['illegal access'],
    endings['driver error'],
    endings['exit 1 without a word'],
    endings['a stranger sends TERM'],
    endings['exit 0'],
  ]);
}

function drawSpells(weather: Weather, loadMs: number, random: Random): Fate['spells'] {
  const often = weather === 'hangs' ? 0.9 : weather === 'flaky' ? 0.4 : 0.1;
  const spells: Fate['spells'][number][] = [];
  for (let at = loadMs; random.chance(often) && spells.length < 4; ) {
    at += random.exponential(weather === 'hangs' ? 60_000 : 1_800_000);
    const forMs = random.weighted([
      [4, random.between(1_000, 8_000)],
      [3, random.between(10_000, 50_000)],
      [3, random.between(60_000, 900_000)],
    ]);
    spells.push({ afterMs: at, forMs, kind: random.pick(['silent', 'failing', 'refusing', 'busy', 'lying'] as const) });
    at += forMs;
  }
  return spells;
}

function drawAlarms(weather: Weather, loadMs: number, random: Random): Fate['alarms'] {
  if (!random.chance(weather === 'GPU errors' ? 0.6 : weather === 'flaky' ? 0.3 : 0.05)) return [];
  const afterMs = loadMs + random.exponential(weather === 'calm' ? 3_600_000 : 10_000);
  const first = { afterMs, alarm: alarmOf(random.chance(0.4) ? 'sticky' : 'suspect') };
  return random.chance(0.7) ? [first] : [first, { afterMs: afterMs + random.exponential(20_000), alarm: alarmOf('sticky') }];
}
