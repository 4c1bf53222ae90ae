/** Prometheus text (version 0.0.4), read strictly: what is not exactly in the form throws with its line. */

export type Family = {
  readonly type: string;
  readonly help: string;
  /** By the series as it is written: `pool_ready{pool_id="chat"}`. */
  readonly samples: ReadonlyMap<string, Sample>;
};
export type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** The families by name. Throws at a sample without HELP and TYPE, at one outside of its family, and at anything that comes twice. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { type: string; help: string; samples: Map<string, Sample> }>();
  const seen = new Set<string>();
  let present = '';
  for (const [at, line] of text.slice(0, -1).split('\n').entries()) {
    const wrong = (why: string): Error => new Error(`line ${at + 1}: ${why}: ${line}`);
    if (line === '') continue;
    const [, keyword, family = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (families.has(family)) throw wrong('a second HELP');
      if (/\\(?![\\n])/.test(rest)) throw wrong('a wrong escape');
      families.set(family, { type: '', help: rest, samples: new Map() });
      present = family;
      continue;
    }
    const into = families.get(present);
    if (keyword === 'TYPE') {
      if (into === undefined || family !== present || into.type !== '') throw wrong('TYPE is not right behind its HELP');
      if (!['counter', 'gauge', 'histogram'].includes(rest)) throw wrong('an unknown type');
      into.type = rest;
      continue;
    }
    if (line.startsWith('#')) throw wrong('a comment that is neither HELP nor TYPE');
    const sample = sampleOf(line);
    if (sample === null) throw wrong('no sample');
    if (into === undefined || into.type === '') throw wrong('a sample without a type');
    const name = into.type === 'histogram' ? sample.name.replace(/_(bucket|sum|count)$/, '') : sample.name;
    if (name !== present) throw wrong(`a sample among those of ${present}`);
    const identity = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(identity)) throw wrong('twice the same series');
    seen.add(identity);
    into.samples.set(line.slice(0, line.lastIndexOf(' ')), sample);
  }
  return families;
}

const oneLabel = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g;
const aSample =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

function sampleOf(line: string): Sample | null {
  const [matched, name = '', written = '', value = ''] = aSample.exec(line) ?? [];
  if (matched === undefined) return null;
  const pairs = [...written.matchAll(oneLabel)].map(([, label = '', text = '']) => [label, text] as const);
  // Between labels there is one comma, and none at the end.
  if (pairs.map(([label, text]) => `${label}="${text}"`).join(',') !== written) return null;
  if (new Set(pairs.map(([label]) => label)).size < pairs.length) return null;
  return { name, labels: Object.fromEntries(pairs), value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
}
