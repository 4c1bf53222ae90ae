/** What differs between two texts, line by line. */

/**
 * `- ` a line that only the first has, `+ ` one that only the second has, two spaces before the rest: at most `context` lines around each
 * difference, and `...` for what is left out. None where they are the same. For texts of some hundred lines: of longer ones the ends that are
 * not alike are shown whole.
 */
export function diffLines(before: string, after: string, context = 2): readonly string[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  const start = commonLength(a, b);
  const end = commonLength([...a.slice(start)].reverse(), [...b.slice(start)].reverse());
  const marked = [
    ...a.slice(0, start).map((line) => `  ${line}`),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map((line) => `  ${line}`),
  ];
  const near = marked.map((_, at) =>
    marked.slice(Math.max(0, at - context), at + context + 1).some((line) => !line.startsWith(' ')),
  );
  return marked.flatMap((line, at) =>
    near[at] === true ? [line] : near[at - 1] === true && near.includes(true, at) ? ['...'] : [],
  );
}

const mostCells = 1_000_000;

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((line, at) => line !== b[at]);
  return differs === -1 ? Math.min(a.length, b.length) : differs;
}

/** By the longest sequence of lines that both have. */
function middle(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length * b.length > mostCells) return [...a.map((line) => `- ${line}`), ...b.map((line) => `+ ${line}`)];
  // common[i][j]: how many lines a from i on and b from j on have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = common[i] ?? [];
    for (let j = b.length - 1; j >= 0; j -= 1)
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i]}`);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) lines.push(`- ${a[i++]}`);
    else lines.push(`+ ${b[j++]}`);
  }
  return lines;
}
