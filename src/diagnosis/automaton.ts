/** Looks for many words at once in a stream of bytes: Aho and Corasick's machine, one step a byte whatever the number of words. */

export type Automaton = {
  /** Next state = `next[state + classes[byte]]`; states are multiples of `width`, from 0, so that no step multiplies. */
  readonly next: Uint32Array;
  readonly width: number;
  readonly classes: Uint8Array;
  /** States from this one on have found something. */
  readonly firstFound: number;
  /** Which words, by their numbers, end in the state `firstFound + i * width`. */
  readonly found: readonly Uint16Array[];
};

/**
 * Of words in lower case ASCII without blanks at their ends. Letters are found in either case, and any run of white space, line breaks among it,
 * counts as one blank.
 */
export function automatonOf(words: readonly string[]): Automaton {
  const { classes, width } = classesOf(words);
  const trie = trieOf(words, classes, width);
  const order = linkFailures(trie, width, classes[blank] ?? 0);
  return { ...renumbered(trie, order, width), width, classes };
}

const blank = 32;

type Trie = { readonly next: number[]; readonly ends: number[][]; readonly afterBlank: boolean[] };

/** One class for each character that a word has; all others share class 0. */
function classesOf(words: readonly string[]): { readonly classes: Uint8Array; readonly width: number } {
  const letters = [...new Set(words.join(''))].filter((letter) => letter !== ' ');
  const classes = new Uint8Array(256);
  for (const white of [9, 10, 13, blank]) classes[white] = 1;
  letters.forEach((letter, at) => {
    classes[letter.charCodeAt(0)] = at + 2;
    classes[letter.toUpperCase().charCodeAt(0)] = at + 2;
  });
  return { classes, width: letters.length + 2 };
}

function trieOf(words: readonly string[], classes: Uint8Array, width: number): Trie {
  const trie: Trie = { next: Array<number>(width).fill(-1), ends: [[]], afterBlank: [true] };
  words.forEach((word, number) => {
    let state = 0;
    for (const letter of word) {
      const edge = state * width + (classes[letter.charCodeAt(0)] ?? 0);
      let to = trie.next[edge] ?? -1;
      if (to === -1) {
        to = trie.ends.length;
        trie.next[edge] = to;
        for (let at = 0; at < width; at += 1) trie.next.push(-1);
        trie.ends.push([]);
        trie.afterBlank.push(letter === ' ');
      }
      state = to;
    }
    trie.ends[state]?.push(number);
  });
  return trie;
}

/** Fills in where to go when a word does not go on, breadth first; returns the states in that order. */
function linkFailures(trie: Trie, width: number, blankClass: number): readonly number[] {
  const { next, ends, afterBlank } = trie;
  const failure = Array<number>(ends.length).fill(0);
  const order = [0];
  for (const state of order) {
    for (let letter = 0; letter < width; letter += 1) {
      const edge = state * width + letter;
      const to = next[edge] ?? -1;
      const elsewhere = state === 0 ? 0 : (next[(failure[state] ?? 0) * width + letter] ?? 0);
      if (to === -1) {
        next[edge] = letter === blankClass && afterBlank[state] ? state : elsewhere;
        continue;
      }
      failure[to] = elsewhere;
      ends[to]?.push(...(ends[elsewhere] ?? []));
      order.push(to);
    }
  }
  return order;
}

/** States that find something get the highest numbers, so that the loop asks with one comparison. */
function renumbered(trie: Trie, order: readonly number[], width: number): Pick<Automaton, 'next' | 'firstFound' | 'found'> {
  const finds = (state: number): boolean => (trie.ends[state]?.length ?? 0) > 0;
  const sorted = [...order.filter((state) => !finds(state)), ...order.filter(finds)];
  const numbers = new Uint32Array(sorted.length);
  sorted.forEach((state, number) => {
    numbers[state] = number * width;
  });
  const next = new Uint32Array(sorted.length * width);
  sorted.forEach((state, number) => {
    for (let letter = 0; letter < width; letter += 1) {
      next[number * width + letter] = numbers[trie.next[state * width + letter] ?? 0] ?? 0;
    }
  });
  const found = sorted.filter(finds).map((state) => Uint16Array.from(trie.ends[state] ?? []));
  return { next, firstFound: (sorted.length - found.length) * width, found };
}
