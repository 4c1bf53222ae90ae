/** Counts what events tell. Nothing is counted where it happens, so that no counter can say other than log and journal do. */

import { Counter, Histogram, Registry } from 'prom-client';
import type { PoolView } from '../api/wire.js';
import type { Event, EventName } from '../core/events.js';
import { readLaunches } from './launches.js';
import { type CounterName, counterNames, definitionOf, type Metric, metricTable } from './metric-table.js';

export type Counters = {
  readonly registry: Registry;
  /** To be told of every event, once, in order. */
  count(event: Event): void;
  /** Gives every counter of these pools its 0, where nothing was counted yet. */
  know(pools: readonly PoolView[]): void;
};

type Labels = Readonly<Record<string, string>>;
type Whose = { readonly pool_id?: string; readonly replica_id?: string; readonly engine?: string };

export function makeCounters(): Counters {
  const registry = new Registry();
  const registers = [registry];
  const counters = new Map(counterNames.map((name) => [name, new Counter({ ...definitionOf(name), registers })]));
  const backoffs = new Histogram({ ...definitionOf('backoff_delay_ms'), buckets: backoffBucketsMs, registers });
  const known = new Set<string>();
  const launchEnd = readLaunches();

  function add(name: CounterName, whose: Whose, more: Labels = {}, by = 1): void {
    counters.get(name)?.inc({ ...labels(metricTable[name].of, whose), ...more }, by);
  }

  const heard: Readonly<Partial<Record<EventName, (event: Event) => void>>> = {
    'replica.starting'(event) {
      if (isRestart(event)) add('restart_total', event, { reason: event.reason ?? '' });
    },
    'replica.crashed'(event) {
      add('replica_crashes_total', event);
      add('engine_crash_total', event, { class: inTable('engine_crash_total', event.crash_class) });
    },
    'replica.backoff'(event) {
      if (event.crash_reason === 'preflight') return;
      const crash_reason = inTable('restart_scheduled_total', event.crash_reason);
      add('restart_scheduled_total', event, { crash_reason });
      if (event.backoff_ms !== undefined) backoffs.observe({ pool_id: event.pool_id ?? '', crash_reason }, event.backoff_ms);
    },
    'breaker.changed'(event) {
      const { breaker = 'general', old_state, new_state } = event;
      if (new_state === 'open' && old_state !== 'open') add('circuit_breaker_open_total', event, { breaker });
    },
    'storm.limited': storm,
    'storm.tripped': storm,
  };

  function storm(event: Event): void {
    add('restart_storm_total', event, { kind: event.storm_kind ?? 'storm' });
  }

  return {
    registry,
    count(event) {
      if (isReadinessChange(event)) add('readiness_transitions_total', event, { to: event.to ?? '' });
      const end = launchEnd(event);
      if (end === 'ready') add('preload_success_total', event);
      else if (end !== null) add('preload_failure_total', event, { reason: end });
      heard[event.event]?.(event);
    },
    know(pools) {
      for (const whose of pools.flatMap(everybody)) {
        const key = JSON.stringify(whose);
        if (!known.has(key)) for (const [name, more] of zerosOf(whose)) add(name, whose, more, 0);
        known.add(key);
      }
    },
  };
}

/** The steps of the default backoff, and what lies beyond its longest. */
const backoffBucketsMs = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 300_000];

/** The pool itself, and each of its replicas. */
function everybody({ pool_id, engine, replicas }: PoolView): readonly Whose[] {
  return [{ pool_id, engine }, ...replicas.map(({ replica_id }) => ({ pool_id, replica_id, engine }))];
}

function zerosOf({ replica_id }: Whose): readonly (readonly [CounterName, Labels])[] {
  return counterNames.flatMap((name) => {
    const { of, label, values = [] }: Metric = metricTable[name];
    if (of !== (replica_id === undefined ? 'pool' : 'replica')) return [];
    return label === undefined ? [[name, {}] as const] : values.map((value) => [name, { [label]: value }] as const);
  });
}

function labels(of: Metric['of'], { pool_id = '', replica_id = '', engine = '' }: Whose): Labels {
  return of === 'replica' ? { pool_id, replica_id, engine } : { pool_id };
}

/** Only words of the table become labels. */
function inTable(name: 'engine_crash_total' | 'restart_scheduled_total', word = 'unknown'): string {
  return metricTable[name].values.includes(word) ? word : 'unknown';
}

/** Came to `ready`, or left it. */
function isReadinessChange({ from, to }: Event): boolean {
  return from !== undefined && to !== undefined && (from === 'ready') !== (to === 'ready');
}

/** Neither the first launch of all nor the one with which a supervisor begins. */
function isRestart({ reason, incarnation = 0 }: Event): boolean {
  return reason === 'crash' || reason === 'health' || (reason === 'operator' && incarnation > 1);
}
