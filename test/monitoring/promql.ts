/**
 * As much of PromQL as it takes to know which metrics and labels an expression asks for. Strict: a word or a sign that it does not know throws, so that
 * nothing is passed over.
 */

export type Selector = {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
};

export type Asked = {
  readonly selectors: readonly Selector[];
  /** Of `by`, `on` and the like. */
  readonly grouping: readonly string[];
};

const functions: ReadonlySet<string> = new Set([
  ...['sum', 'count', 'max', 'min', 'avg'],
  ...['rate', 'increase', 'absent', 'max_over_time', 'histogram_quantile', 'vector'],
]);
const groupings: ReadonlySet<string> = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const keywords: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'bool', 'offset']);

const token =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<range>\[\d+[smhd]\])|(?<amount>\d+(?:\.\d+)?[smhd]?\b)|(?<word>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<sign>=~|!~|!=|==|>=|<=|[-+*/(){},=<>]))/y;

type Token = { readonly kind: string; readonly text: string };

export function readPromQl(expression: string): Asked {
  const tokens = tokensOf(expression);
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const wrong = (at: number): Error => new Error(`cannot read "${tokens[at]?.text ?? 'the end'}" in: ${expression}`);
  const is = (at: number, text: string): boolean => tokens[at]?.text === text;
  const wordAt = (at: number): string => {
    const found = tokens[at];
    if (found?.kind !== 'word') throw wrong(at);
    return found.text;
  };
  /** The items between two brackets, and where they end. `read` takes one item and answers where the next sign is. */
  const list = (from: number, close: string, read: (at: number) => number): number => {
    let at = from;
    while (!is(at, close)) {
      at = read(at);
      if (is(at, ',')) at += 1;
      else if (!is(at, close)) throw wrong(at);
    }
    return at + 1;
  };

  for (let at = 0; at < tokens.length; ) {
    const { kind, text } = tokens[at] ?? { kind: '', text: '' };
    if (kind !== 'word' || keywords.has(text)) {
      if (kind === 'sign' && '{},='.includes(text) && text !== ',') throw wrong(at);
      at += 1;
    } else if (groupings.has(text)) {
      if (!is(at + 1, '(')) throw wrong(at + 1);
      at = list(at + 2, ')', (item) => {
        grouping.push(wordAt(item));
        return item + 1;
      });
    } else if (functions.has(text)) {
      // An aggregation may have its grouping before its argument.
      if (!is(at + 1, '(') && !groupings.has(tokens[at + 1]?.text ?? '')) throw wrong(at + 1);
      at += 1;
    } else if (is(at + 1, '(')) {
      throw wrong(at);
    } else if (is(at + 1, '{')) {
      const matchers: { label: string; operator: string; value: string }[] = [];
      at = list(at + 2, '}', (item) => {
        const operator = tokens[item + 1]?.text ?? '';
        const value = tokens[item + 2];
        if (!['=', '!=', '=~', '!~'].includes(operator) || value?.kind !== 'text') throw wrong(item + 1);
        matchers.push({ label: wordAt(item), operator, value: value.text.slice(1, -1) });
        return item + 3;
      });
      selectors.push({ name: text, matchers });
    } else {
      selectors.push({ name: text, matchers: [] });
      at += 1;
    }
  }
  if (selectors.length === 0) throw new Error(`no metric in: ${expression}`);
  return { selectors, grouping };
}

function tokensOf(expression: string): readonly Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < expression.trimEnd().length) {
    const from = token.lastIndex;
    const groups = token.exec(expression)?.groups;
    const [kind, text] = Object.entries(groups ?? {}).find(([, found]) => found !== undefined) ?? [];
    if (kind === undefined || text === undefined)
      throw new Error(`cannot read "${expression.slice(from, from + 20)}" in: ${expression}`);
    tokens.push({ kind, text });
  }
  return tokens;
}
