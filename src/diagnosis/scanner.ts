/** Cuts bytes into lines, and finds on the way which of them are worth reading: the others are never made a text of. */

import type { Automaton } from './automaton.js';

/** What is not looked at of a line: everything beyond this many bytes. */
export const longestLine = 16_384;

export type Sink = {
  /** For each state of the automaton that has found something whether that matters now: 1 or 0. Asked again after each `take`. */
  worth(): Uint8Array;
  /**
   * `words` were found in the line, or across its beginning; `previous` is the end of the line before. Returns whether the next line is wanted
   * whatever it holds.
   */
  take(number: number, text: string, words: ReadonlySet<number>, previous: () => string): boolean;
};

export type Scanner = {
  /** A line that is whole, without its line break. */
  line(text: string): void;
  /** Bytes of UTF-8, cut anywhere; they are not kept. Not to be mixed with `line`. */
  bytes(chunk: Uint8Array): void;
  /** What came last without a line break is a line, too. */
  end(): void;
};

/** Holds at most one line and the end of another. */
export function createScanner({ next, width, classes, firstFound, found }: Automaton, sink: Sink): Scanner {
  const decoder = new TextDecoder();
  const words = new Set<number>();
  let [state, number, wanted] = [0, 1, false];
  let worth = sink.worth();
  let before = '';
  let carried = new Uint8Array(0);

  return {
    line(text) {
      const whole = text.slice(0, longestLine);
      for (let at = 0; at < whole.length; at += 1) {
        const code = whole.charCodeAt(at);
        state = next[state + (code < 256 ? (classes[code] ?? 0) : 0)] ?? 0;
        if (state >= firstFound && worth[(state - firstFound) / width] === 1) note(state);
      }
      state = next[state + (classes[newline] ?? 0)] ?? 0;
      if (wanted || words.size > 0) take(whole, () => before);
      before = whole.slice(-longestPrevious);
      number += 1;
    },
    bytes(chunk) {
      const bytes = carried.length === 0 ? chunk : concat(carried, chunk);
      // The line before the present one, once it is in these bytes.
      let [from, to] = [-1, -1];
      let start = 0;
      // In variables of its own, the loop is twice as fast.
      let here = state;
      for (let at = carried.length; at < bytes.length; at += 1) {
        const byte = bytes[at] as number;
        here = next[here + (classes[byte] as number)] as number;
        if (here >= firstFound && worth[(here - firstFound) / width] === 1 && at - start < longestLine) note(here);
        if (byte !== newline) continue;
        if (wanted || words.size > 0) takeFrom(bytes, start, at, from, to);
        from = start;
        to = at;
        start = at + 1;
        number += 1;
      }
      state = here;
      if (from >= 0) before = textOf(bytes, from, to).slice(-longestPrevious);
      carried = bytes.slice(start, start + longestLine);
    },
    end() {
      const last = carried;
      carried = new Uint8Array(0);
      if (last.length > 0 && (wanted || words.size > 0)) take(decoder.decode(last), () => before);
    },
  };

  function note(at: number): void {
    for (const word of found[(at - firstFound) / width] ?? []) words.add(word);
  }

  /** The line from `start` to `end`; the one before it from `from` to `to`, unless that is -1. */
  function takeFrom(bytes: Uint8Array, start: number, end: number, from: number, to: number): void {
    take(textOf(bytes, start, end), () => (from < 0 ? before : textOf(bytes, from, to)));
  }

  function take(text: string, previous: () => string): void {
    wanted = sink.take(number, text, words, () => previous().slice(-longestPrevious));
    words.clear();
    worth = sink.worth();
  }

  function textOf(bytes: Uint8Array, start: number, end: number): string {
    return decoder.decode(bytes.subarray(start, Math.min(end, start + longestLine)));
  }
}

const newline = 10;
const longestPrevious = 1000;

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
