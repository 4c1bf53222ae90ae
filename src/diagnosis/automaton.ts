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
  const failures = failuresOf(trie, width);
  return { ...tableOf(trie, failures, width), width, classes };
}

const blankClass = 1;

/** States are numbered as they are made, from 0, the root. */
type Trie = {
  /** By state times `width` plus letter. */
  readonly edges: ReadonlyMap<number, number>;
  /** How each state is come to. The root is taken for a blank, as what stands before a text. */
  readonly parents: Uint32Array;
  readonly letters: Uint8Array;
  /** The states by the letters that lead to them, the root alone in the first. */
  readonly levels: readonly (readonly number[])[];
  /** The words that end in a state, where any do. */
  readonly ends: Map<number, readonly number[]>;
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
  const [parents, letters] = [new Uint32Array(most), new Uint8Array(most)];
  const edges = new Map<number, number>();
  const levels: number[][] = [[0]];
  const ends = new Map<number, readonly number[]>();
  letters[0] = blankClass;
  let made = 1;
  words.forEach((word, number) => {
    let state = 0;
    for (let at = 0; at < word.length; at += 1) {
      const letter = classes[word.charCodeAt(at)] ?? 0;
      const edge = state * width + letter;
      const before = state;
      state = edges.get(edge) ?? made;
      if (state < made) continue;
      edges.set(edge, state);
      parents[state] = before;
      letters[state] = letter;
      levels[at + 1] ??= [];
      levels[at + 1]?.push(state);
      made += 1;
    }
    ends.set(state, [...(ends.get(state) ?? []), number]);
  });
  return { edges, parents, letters, levels, ends };
}

/**
 * Where each state goes on when its word does not: to one of fewer letters, and what ends there ends in it as well. Found along the edges that there
 * are, which are a fiftieth of all that a table has.
 */
function failuresOf({ edges, parents, letters, levels, ends }: Trie, width: number): Uint32Array {
  const failures = new Uint32Array(parents.length);
  const onward = (state: number, letter: number): number =>
    edges.get(state * width + letter) ?? (letter === blankClass && letters[state] === blankClass ? state : 0);
  for (const state of levels.slice(2).flat()) {
    const letter = letters[state] ?? 0;
    let from = failures[parents[state] ?? 0] ?? 0;
    while (from !== 0 && onward(from, letter) === 0) from = failures[from] ?? 0;
    const to = onward(from, letter);
    failures[state] = to;
    const shorter = ends.get(to);
    if (shorter !== undefined) ends.set(state, [...(ends.get(state) ?? []), ...shorter]);
  }
  return failures;
}

/** States that find something get the highest numbers, so that the loop asks with one comparison. */
function tableOf(
  { parents, letters, levels, ends }: Trie,
  failures: Uint32Array,
  width: number,
): Pick<Automaton, 'next' | 'firstFound' | 'found'> {
  const states = levels.flat();
  const finding = states.filter((state) => ends.has(state));
  const rows = new Uint32Array(states.length);
  [...states.filter((state) => !ends.has(state)), ...finding].forEach((state, number) => {
    rows[state] = number * width;
  });
  const next = new Uint32Array(states.length * width);
  const row = (state: number): number => rows[state] ?? 0;
  for (const level of levels.slice(1)) {
    // With these edges the rows of the level before are whole, and so are all that this one's states go on from.
    for (const state of level) next[row(parents[state] ?? 0) + (letters[state] ?? 0)] = row(state);
    for (const state of level) {
      const model = row(failures[state] ?? 0);
      next.copyWithin(row(state), model, model + width);
      // Any run of blanks counts as one.
      if (letters[state] === blankClass) next[row(state) + blankClass] = row(state);
    }
  }
  const found = finding.map((state) => Uint16Array.from(ends.get(state) ?? []));
  return { next, firstFound: (states.length - found.length) * width, found };
}
