/** Bytes of a terminal in raw mode -> keys. */

/** A character as it was typed, or one of these. */
export type Key =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'control'; readonly letter: string }
  | { readonly kind: Named };

type Named =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'page-up'
  | 'page-down'
  | 'enter'
  | 'escape'
  | 'tab'
  | 'back-tab'
  | 'backspace'
  | 'delete';

/** Those of xterm and its relatives, in both modes of the cursor keys. */
const sequences: Readonly<Record<string, Named>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[7~': 'home',
  '[8~': 'end',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[3~': 'delete',
  '[Z': 'back-tab',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  OH: 'home',
  OF: 'end',
};

const singles: Readonly<Record<string, Named>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
};

const sequence = /^\u001b(\[[0-?]*[ -/]*[@-~]|O[A-Za-z])/;

/**
 * The keys of one piece of input, which over a slow line may hold many. Sequences that mean nothing here are passed over; an escape character
 * that begins none is the Escape key.
 */
export function keysOf(input: string): readonly Key[] {
  const keys: Key[] = [];
  let rest = input;
  while (rest !== '') {
    const [whole, code] = sequence.exec(rest) ?? [];
    if (whole !== undefined && code !== undefined) {
      const named = sequences[code];
      if (named !== undefined) keys.push({ kind: named });
      rest = rest.slice(whole.length);
      continue;
    }
    const char = String.fromCodePoint(rest.codePointAt(0) ?? 0);
    rest = rest.slice(char.length);
    const key = single(char);
    if (key !== null) keys.push(key);
  }
  return keys;
}

const begun = /\u001b(?:\[[0-?]*[ -/]*|O)?$/;

/** The keys that are whole; `rest` is what may become one with the next piece, or is the Escape key if there is none for a while. */
export function readKeys(input: string): { readonly keys: readonly Key[]; readonly rest: string } {
  const rest = begun.exec(input)?.[0] ?? '';
  return { keys: keysOf(input.slice(0, input.length - rest.length)), rest };
}

function single(char: string): Key | null {
  if (char === '\u001b') return { kind: 'escape' };
  const named = singles[char];
  if (named !== undefined) return { kind: named };
  const code = char.codePointAt(0) ?? 0;
  if (code >= 1 && code <= 26) return { kind: 'control', letter: String.fromCharCode(code + 96) };
  return code < 32 || (code >= 127 && code < 160) ? null : { kind: 'char', char };
}
