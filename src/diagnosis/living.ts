/** What the log of a living engine tells of its GPU. To be asked of lines of the engine's own form only. */

import type { Alarm } from '../core/facts.js';
import { longestEvidence } from './findings.js';
import { ownPart } from './form.js';
import { lazily } from './lazily.js';
import { bareLine } from './prefix.js';
import { longestLine } from './scanner.js';
import { type Entry, sharedTable } from './table.js';

/** Without its line, which only whoever counts them knows. */
type Sign = Omit<Alarm, 'line'>;

/** Null for nearly all lines, at the cost of one step a character. What engines only warn of is no alarm. */
export function alarmOf(line: string): Sign | null {
  const whole = line.slice(0, longestLine);
  const entries = entriesIn(whole);
  if (entries.length === 0) return null;
  const { body, level } = bareLine(ownPart(whole));
  if (level === 'calm') return null;
  const rule = entries.find(({ pattern }) => pattern().test(body))?.rule;
  if (!rule || rule.weight === 'notice') return null;
  const text = line.trim().slice(0, longestEvidence);
  if (deadCore.test(body)) return { kind: 'sticky', class: 'gpu_error', subclass: 'dead_core', text };
  if (rule.class !== 'gpu_error' && rule.class !== 'driver') return null;
  return { kind: sticky.has(rule.subclass) ? 'sticky' : 'suspect', class: rule.class, subclass: rule.subclass, text };
}

/** What a process does not get over. */
const sticky: ReadonlySet<string> = new Set([
  'illegal_memory_access',
  'device_side_assert',
  'device_lost',
  'illegal_instruction',
  'launch_failure',
  'ecc_error',
  'xid_79',
  'gpu_fell_off_bus',
]);

/** How a server says that what it serves with is dead. */
const deadCore =
  /EngineDeadError|Engine core proc \S+ died|EngineCore (?:encountered|hit) (?:a fatal error|an issue|an exception)|Background loop (?:is stopped|has errored)|scheduler is dead/i;

/** What is out of memory, and what engines live with, must be known so as not to be taken for an error of the GPU. */
function concerns({ rule }: Entry): boolean {
  if (rule === null) return false;
  return ['gpu_error', 'driver', 'vram_oom', 'host_oom', 'hang'].includes(rule.class) || rule.subclass === 'cause_not_in_log';
}

const watched = lazily(() => {
  const table = sharedTable();
  return table.automaton.found.map((words) => [...words].flatMap(table.entriesOf).filter(concerns));
});

/** The phrases that are worth trying on the line, in their order. */
function entriesIn(line: string): readonly Entry[] {
  const { next, width, classes, firstFound } = sharedTable().automaton;
  const perState = watched();
  const entries: Entry[] = [];
  let state = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    state = next[state + (code < 256 ? (classes[code] ?? 0) : 0)] ?? 0;
    if (state >= firstFound) entries.push(...(perState[(state - firstFound) / width] ?? []));
  }
  return entries.sort((one, other) => one.order - other.order);
}
