/** Counters and histograms: they begin at 0 for whoever is known, and go with whom they are about. */

import { Counter, Histogram, Registry } from 'prom-client';
import type { StatusView } from '../api/wire.js';
import {
  type CounterName,
  counterNames,
  definitionOf,
  type HistogramName,
  histogramNames,
  type Metric,
  metricTable,
} from './metric-table.js';

/** Whom something is about: what applies of it becomes labels. */
export type Whose = {
  readonly pool_id?: string;
  readonly replica_id?: string;
  readonly engine?: string;
  readonly device?: string;
};

export type Tallies = {
  /** All of them as Prometheus reads them. */
  text(): Promise<string>;
  /** `value`: of the metric's own label, where it has one. */
  add(name: CounterName, whose: Whose, value?: string): void;
  observe(name: HistogramName, whose: Whose, measured: number, value?: string): void;
  /**
   * Gives everybody in the view their zeros, and forgets those who are not in it any more: who comes back begins anew. What is of no one pool stays.
   */
  know(view: Pick<StatusView, 'pools' | 'devices'>): void;
};

type Labels = Readonly<Record<string, string>>;
type TallyName = CounterName | HistogramName;
type Owner = {
  readonly of: Metric['of'];
  readonly labels: Labels;
  /** What there is of it: own labels by metric. */
  readonly series: Map<TallyName, Set<string>>;
  /** Whether every value of its metrics has begun. */
  complete: boolean;
};

export function makeTallies(): Tallies {
  const registry = new Registry();
  const registers = [registry];
  const counters = new Map(counterNames.map((name) => [name, new Counter({ ...definitionOf(name), registers })]));
  const histograms = new Map(
    histogramNames.map((name) => [name, new Histogram({ ...definitionOf(name), buckets: bucketsOf(name), registers })]),
  );
  const owners = new Map<string, Owner>();
  /** Of the metrics that have not changed since. Of a hundred replicas' thousands of series few change from scrape to scrape, and writing them costs most of it. */
  const written = new Map<TallyName, Promise<string>>();

  function ownerOf(of: Metric['of'], whose: Whose): Owner {
    const labels = labelsFor(of, whose);
    const key = JSON.stringify([of, labels]);
    const known = owners.get(key);
    if (known !== undefined) return known;
    const owner: Owner = { of, labels, series: new Map(), complete: false };
    owners.set(key, owner);
    return owner;
  }

  /** The labels of a series that changes now. */
  function seriesOf(name: TallyName, { labels, series }: Owner, value: string): Labels {
    written.delete(name);
    const values = series.get(name);
    if (values === undefined) series.set(name, new Set([value]));
    else values.add(value);
    return withOwn(name, labels, value);
  }

  function begin(owner: Owner): void {
    for (const [name, value] of zerosOf(owner.of)) {
      if (owner.series.get(name)?.has(value) === true) continue;
      const labels = seriesOf(name, owner, value);
      counters.get(name as CounterName)?.inc(labels, 0);
      histograms.get(name as HistogramName)?.zero(labels);
    }
    owner.complete = true;
  }

  function forget({ labels, series }: Owner): void {
    for (const [name, values] of series) {
      written.delete(name);
      const metric = counters.get(name as CounterName) ?? histograms.get(name as HistogramName);
      for (const value of values) metric?.remove(withOwn(name, labels, value));
    }
  }

  function textOf(name: TallyName): Promise<string> {
    const known = written.get(name);
    if (known !== undefined) return known;
    const text = registry.getSingleMetricAsString(name);
    written.set(name, text);
    return text;
  }

  return {
    async text() {
      const texts = await Promise.all([...counterNames, ...histogramNames].map(textOf));
      return `${texts.join('\n\n')}\n`;
    },
    add(name, whose, value = '') {
      counters.get(name)?.inc(seriesOf(name, ownerOf(metricTable[name].of, whose), value), 1);
    },
    observe(name, whose, measured, value = '') {
      histograms.get(name)?.observe(seriesOf(name, ownerOf(metricTable[name].of, whose), value), measured);
    },
    know(view) {
      const present = new Set(everybody(view).map(([of, whose]) => ownerOf(of, whose)));
      for (const [key, owner] of owners) {
        if (present.has(owner)) {
          if (!owner.complete) begin(owner);
        } else if (owner.labels.pool_id !== '') {
          forget(owner);
          owners.delete(key);
        }
      }
    },
  };
}

function everybody({ pools, devices }: Pick<StatusView, 'pools' | 'devices'>): readonly (readonly [Metric['of'], Whose])[] {
  return [
    ...pools.flatMap(({ pool_id, engine, replicas }) => [
      ['pool', { pool_id }] as const,
      ...replicas.map(({ replica_id }) => ['replica', { pool_id, replica_id, engine }] as const),
    ]),
    ...devices.map(({ uuid }) => ['device', { device: uuid }] as const),
  ];
}

/** The series with which somebody begins: metrics without a label of their own, and each known value of those with one. */
function zerosOf(of: Metric['of']): readonly (readonly [TallyName, string])[] {
  return [...counterNames, ...histogramNames].flatMap((name) => {
    const { of: its, label, values = label === undefined ? [''] : [] }: Metric = metricTable[name];
    return its === of ? values.map((value) => [name, value] as const) : [];
  });
}

function labelsFor(of: Metric['of'], { pool_id = '', replica_id = '', engine = '', device = '' }: Whose): Labels {
  if (of === 'replica') return { pool_id, replica_id, engine };
  if (of === 'pool') return { pool_id };
  return of === 'device' ? { device } : {};
}

function withOwn(name: TallyName, labels: Labels, value: string): Labels {
  const { label }: Metric = metricTable[name];
  return label === undefined ? labels : { ...labels, [label]: value };
}

function bucketsOf(name: HistogramName): number[] {
  return [...metricTable[name].buckets];
}
