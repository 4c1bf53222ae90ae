/** What a running supervisor exports, against what the dashboard and the alert rules ask for, and against Prometheus's own checker. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReplicaStateName } from '../../src/api/wire.js';
import { labelsOf, type Metric, metricTable } from '../../src/telemetry/metric-table.js';
import { ask } from '../features/world/ask.js';
import { type Family, parseExposition } from '../rig/exposition.js';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { Rig } from '../rig/poolctl.js';
import { dashboard, queries, rules } from './files.js';
import { readPromQl, type Selector } from './promql.js';
import { promtool, unlessThere } from './promtool.js';

/** Prometheus puts them to whatever it scrapes. */
const ofPrometheus = ['instance', 'job'];
/** Complete by its type. */
const states: Readonly<Record<ReplicaStateName, true>> = {
  stopped: true,
  preparing: true,
  starting: true,
  ready: true,
  unhealthy: true,
  draining: true,
  stopping: true,
  backoff: true,
  broken: true,
  failed: true,
  stuck: true,
};

let rig: Rig;
let text = '';
let families: ReadonlyMap<string, Family>;

/** A supervisor that has seen something: engines on a GPU and without one, probes, a crash. */
beforeAll(async () => {
  rig = new Rig();
  Object.assign(rig.env, (await fakeNvidiaSmi(join(rig.dir, 'nvidia'), { gpus: [{}] }, rig.env.PATH)).env);
  rig.inventory(`
version: 1
supervisor: { ports: 30300-30309, engine_poll: 1s }
defaults:
  engine: demo
  args: [--load-time, 20ms]
  health: { startup_interval: 50ms, interval: 50ms }
  restart: { backoff: { initial: 50ms, min: 0ms, jitter: 0 } }
pools:
  chat: { device_masks: [0] }
  code: { device_masks: [cpu] }
`);
  await rig.up();
  await rig.run('wait', 'all', '--for', 'ready');
  const { pools } = await rig.json('status');
  process.kill(pools[0].replicas[0].pid, 'SIGKILL');
  for (;;) {
    ({ body: text } = await ask({ socketPath: join(rig.state, 'poolctl.sock'), path: '/metrics' }));
    families = parseExposition(text);
    const of = (name: string) =>
      [...(families.get(name)?.samples.values() ?? [])].filter(({ labels }) => labels.pool_id === 'chat');
    const restarted = of('restart_total').some(({ labels, value }) => labels.reason === 'crash' && value === 1);
    if (restarted && of('slots_total').length > 0 && of('engine_inflight_requests').length > 0) break;
  }
}, 60_000);
afterAll(() => rig.end());

/** What an expression may name: metrics, a histogram's three, and their labels. */
function exported(): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    [...families].flatMap(([family, { type, samples }]) => {
      const names = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => `${family}${end}`) : [family];
      return names.map((name) => {
        const labels = [...samples.values()].filter((sample) => sample.name === name).map((sample) => Object.keys(sample.labels));
        return [name, new Set([...(labels.length === 0 ? tableLabels(family) : labels.flat()), ...ofPrometheus])] as const;
      });
    }),
  );
}

/** Of a metric that no engine here can tell of. */
function tableLabels(name: string): readonly string[] {
  const { of, label }: Metric = metricTable[name as keyof typeof metricTable];
  return [...labelsOf[of], ...(label === undefined ? [] : [label])];
}

/** Everything that an expression and the texts beside it (`labels`) name and a supervisor does not export. */
function unknowns(expression: string, labels: readonly string[]): readonly string[] {
  const known = exported();
  const { selectors, grouping } = readPromQl(expression);
  const all = new Set(selectors.flatMap(({ name }) => [...(known.get(name) ?? [])]));
  return [
    ...selectors.flatMap((selector) => unknownsOf(selector, known)),
    ...[...grouping, ...labels].filter((label) => !all.has(label)).map((label) => `label ${label}`),
  ];
}

function unknownsOf({ name, matchers }: Selector, known: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const labels = known.get(name);
  if (labels === undefined) return [`metric ${name}`];
  const family = name.replace(/_(bucket|sum|count)$/, '');
  const { label: own, values }: Partial<Metric> =
    metricTable[(family in metricTable ? family : name) as keyof typeof metricTable];
  const words = own === 'state' ? Object.keys(states) : values;
  return matchers.flatMap(({ label, operator, value }) => {
    if (!labels.has(label)) return [`label ${name}{${label}}`];
    if (label !== own || words === undefined || value.startsWith('$')) return [];
    const named = operator.endsWith('~') ? value.split('|') : [value];
    return named.filter((word) => !words.includes(word)).map((word) => `value ${name}{${label}="${word}"}`);
  });
}

describe('a running supervisor exports what is asked for', () => {
  it.each(rules)('by the alert $alert', ({ expr, annotations }) => {
    const labels = Object.values(annotations).flatMap((said) =>
      [...said.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label),
    );
    expect(unknowns(expr, labels)).toEqual([]);
  });

  it.each(queries)('by the panel "$where": $expr', ({ expr, legend }) => {
    expect(
      unknowns(
        expr,
        [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
      ),
    ).toEqual([]);
  });

  it.each(dashboard.templating.list.filter(({ type }) => type === 'query'))('by the variable $name', ({ definition = '' }) => {
    const [, expression = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
    expect(unknowns(expression, [label])).toEqual([]);
  });

  it('and nothing that the dashboard does not show', () => {
    const shown = new Set(
      queries.flatMap(({ expr }) => readPromQl(expr).selectors.map(({ name }) => name.replace(/_bucket$/, ''))),
    );
    expect([...families.keys()].filter((name) => !shown.has(name))).toEqual([]);
    expect([...families.keys()].sort()).toEqual(Object.keys(metricTable).sort());
  });
});

describe('what is asked for and not exported is found', () => {
  it.each([
    ['pool_redy', [], ['metric pool_redy']],
    ['preload_duration_ms', [], ['metric preload_duration_ms']],
    ['pool_ready{pool="a"}', [], ['label pool_ready{pool}']],
    ['sum by (class) (pool_ready)', [], ['label class']],
    ['pool_ready', ['replica_id'], ['label replica_id']],
    ['engine_crash_total{class=~"vram_oom|oom"}', [], ['value engine_crash_total{class="oom"}']],
    ['replica_state{state!="down"}', [], ['value replica_state{state="down"}']],
    ['rate(preload_duration_ms_bucket{pool_id="$pool"}[5m])', ['le'], []],
  ])('%s', (expression, labels, found) => {
    expect(unknowns(expression, labels)).toEqual(found);
  });
});

describe.skipIf(promtool === null)(`/metrics: ${unlessThere}`, () => {
  /** Names that are kept as they were specified, against Prometheus's custom. Any other finding is a mistake. */
  const admitted = [
    /^slots_total non-counter metrics should not have "_total" suffix$/,
    /^restart_count non-histogram and non-summary metrics should not have "_count" suffix$/,
    /^\w+_ms metric names should not contain abbreviated units$/,
    /^perf_tokens_per_s metric names should not contain abbreviated units$/,
  ];

  it('finds nothing but what was specified so', () => {
    const { status, said } = promtool?.(['check', 'metrics'], text) ?? { status: null, said: '' };
    const findings = said.split('\n').filter((line) => line !== '');
    expect(findings.filter((finding) => !admitted.some((form) => form.test(finding)))).toEqual([]);
    expect(findings.some((finding) => finding.startsWith('slots_total'))).toBe(true);
    // 3: it has found something.
    expect(status).toBe(3);
  });

  it('would find another', () => {
    const { said } = promtool?.(['check', 'metrics'], '# HELP a_ms b\n# TYPE a_ms counter\na_ms 1\n') ?? { said: '' };
    expect(said.split('\n').filter((line) => line !== '' && !admitted.some((form) => form.test(line)))).not.toEqual([]);
  });
});
