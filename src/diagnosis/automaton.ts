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
  const order = linkFailures(trie, width);
  return { ...renumbered(trie, order, width), width, classes };
}

const blankClass = 1;

type Trie = {
  /** Rows of `width`; 0 is no edge, since none leads back to the root. */
  readonly next: Uint32Array;
  readonly states: number;
  /** The words that end in a state, where any do. */
  readonly ends: Map<number, number[]>;
  readonly afterBlank: Uint8Array;
};

/** One class for each character that a word has; all others share class 0. */
function classesOf(words: readonly string[]): { readonly classes: Uint8Array; readonly width: number } {
  const letters = [...new Set(words.join(''))].filter((letter) => letter !== ' ');
  const classes = new Uint8Array(256);
  for (const white of ' \t\n\r') classes[white.charCodeAt(0)] = blankClass;
  letters.forEach((letter, at) => {
    classes[letter.charCodeAt(0)] = at + 2;
    classes[letter.toUpperCase().charCodeAt(0)] = at + 2;
  });
  return { classes, width: letters.length + 2 };
}

function trieOf(words: readonly string[], classes: Uint8Array, width: number): Trie {
  const most = words.reduce((sum, word) => sum + word.length, 1);
  const [next, afterBlank, ends] = [new Uint32Array(most * width), new Uint8Array(most), new Map<number, number[]>()];
  afterBlank[0] = 1;
  let states = 1;
  words.forEach((word, number) => {
    let state = 0;
    for (const letter of word) {
      const edge = state * width + (classes[letter.charCodeAt(0)] ?? 0);
      if (next[edge] === 0) {
        next[edge] = states;
        afterBlank[states] = letter === ' ' ? 1 : 0;
        states += 1;
      }
      state = next[edge] ?? 0;
    }
    ends.set(state, [...(ends.get(state) ?? []), number]);
  });
  return { next, states, ends, afterBlank };
}

/** Fills in where to go when a word does not go on, breadth first; returns the states in that order. */
function linkFailures({ next, states, ends, afterBlank }: Trie, width: number): readonly number[] {
  const failure = new Uint32Array(states);
  const order = [0];
  for (const state of order) {
    for (let letter = 0; letter < width; letter += 1) {
      const edge = state * width + letter;
      const to = next[edge] ?? 0;
      const elsewhere = state === 0 ? 0 : (next[(failure[state] ?? 0) * width + letter] ?? 0);
      if (to === 0) {
        next[edge] = letter === blankClass && afterBlank[state] === 1 ? state : elsewhere;
        continue;
      }
      failure[to] = elsewhere;
      const shorter = ends.get(elsewhere);
      if (shorter !== undefined) ends.set(to, [...(ends.get(to) ?? []), ...shorter]);
      order.push(to);
    }
  }
  return order;
}

/** States that find something get the highest numbers, so that the loop asks with one comparison. */
function renumbered(trie: Trie, order: readonly number[], width: number): Pick<Automaton, 'next' | 'firstFound' | 'found'> {
  const sorted = [...order.filter((state) => !trie.ends.has(state)), ...order.filter((state) => trie.ends.has(state))];
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
  const found = sorted.slice(-trie.ends.size).map((state) => Uint16Array.from(trie.ends.get(state) ?? []));
  return { next, firstFound: (sorted.length - found.length) * width, found };
}
