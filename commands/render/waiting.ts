/** The line that says what is waited for: rewritten in place on a terminal, elsewhere a new one when there is something new. */

import type { LeaseView } from '../../src/api/wire.js';
import { oneLine } from '../../src/text/one-line.js';
import { cut } from '../../src/text/table.js';
import { span } from '../../src/text/time.js';
import { displayWidth } from '../../src/text/width.js';
import type { Face } from '../cli.js';

/** Who never hears anything takes it for a hang. */
const againEveryMs = 5_000;

/** A replica that is to go. */
export type Blocked = {
  /** `chat/r0`. */
  readonly name: string;
  readonly state: string;
  readonly text: string;
  /** What is in the way, without the time that passes: another value is news. */
  readonly blockers: string;
  /**
   * When it has a line of its own where lines cannot be written over: at each change and every 5 s; at each change; or only if it lasts for
   * so long, as what soon ends by itself, and is then told by the end.
   */
  readonly told: 'again' | 'once' | 'late';
};

export type WaitingLines = {
  show(blocked: readonly Blocked[], nowMs: number): void;
  /** A line that stays. */
  say(line: string): void;
  /** Takes away what a terminal shows. Safe to call twice. */
  clear(): void;
};

export function waitingLines(face: Face, write: (text: string) => void): WaitingLines {
  return face.isTTY ? inPlace(face, write) : lineByLine(write);
}

/**
 * The line ends with a newline, and the cursor goes back up for the next: whatever ends this program, the prompt stands on a line of its own.
 * A terminal that was made narrower has wrapped what stood there.
 */
function inPlace(face: Face, write: (text: string) => void): WaitingLines {
  let shown = 0;
  const columns = (): number => Math.max(1, face.columns ?? 80);
  const erase = (): string => {
    const rows = Math.ceil(shown / columns());
    shown = 0;
    return rows === 0 ? '' : `\u001b[${rows}A\r\u001b[J`;
  };
  return {
    show(blocked) {
      const old = erase();
      const line = cut(blocked.map(lineOf).join('; '), columns() - 1);
      shown = displayWidth(line);
      const text = line === '' ? old : `${old}${line}\n`;
      if (text !== '') write(text);
    },
    say: (line) => write(`${erase()}${line}\n`),
    clear() {
      const old = erase();
      if (old !== '') write(old);
    },
  };
}

function lineByLine(write: (text: string) => void): WaitingLines {
  const told = new Map<string, { readonly what: string; readonly at: number }>();
  return {
    show(blocked, nowMs) {
      for (const each of blocked) {
        const what = `${each.state} ${each.blockers}`;
        const last = told.get(each.name);
        const news = last?.what !== what && each.told !== 'late';
        const long = each.told !== 'once' && last !== undefined && nowMs - last.at >= againEveryMs;
        if (news || long) write(`${lineOf(each)}\n`);
        else if (last?.what === what) continue;
        told.set(each.name, { what, at: nowMs });
      }
    },
    say: (line) => write(`${line}\n`),
    clear() {},
  };
}

const lineOf = ({ name, state, text }: Blocked): string => (text === '' ? `${name} ${state}` : `${name} ${state}: ${text}`);

/** What the status says, with the lease that goes last named: `1 lease (nightly-batch, expires in 34s), forced in 41s`. */
export function blockedText(why: string | null, leases: readonly LeaseView[], nowMs: number): string {
  const text = oneLine(why ?? '');
  const [first, ...others] = leases;
  if (first === undefined) return text;
  const last = others.reduce((a, b) => (Date.parse(b.expires_at) > Date.parse(a.expires_at) ? b : a), first);
  const left = `expires in ${span(Math.max(1_000, Math.ceil((Date.parse(last.expires_at) - nowMs) / 1_000) * 1_000))}`;
  const who = last.holder === null ? left : `${oneLine(last.holder)}, ${left}`;
  return text.replace(/^\d+ leases?(?=,|$)/, (held) => `${held} (${others.length === 0 ? '' : 'the last: '}${who})`);
}
