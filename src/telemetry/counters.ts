/** Counts what events and probes tell. Nothing is counted where it happens, so that no counter can say other than log and journal do. */

import type { Event, EventName } from '../core/events.js';
import type { Input } from '../core/messages.js';
import type { State } from '../core/state.js';
import { readLaunches } from './launches.js';
import { metricTable } from './metric-table.js';
import { readProbe } from './probes.js';
import { makeTallies, type Tallies } from './tallies.js';

export type Counters = Pick<Tallies, 'text' | 'know'> & {
  /** To be told of every event, once, in order. */
  count(event: Event): void;
  /** To be told of every input, once, with the state that it led to. */
  hear(input: Input, after: State): void;
};

export function makeCounters(): Counters {
  const { text, know, add, observe } = makeTallies();
  const launchEnd = readLaunches();

  const heard: Readonly<Partial<Record<EventName, (event: Event) => void>>> = {
    'replica.starting'(event) {
      if (isRestart(event)) add('restart_total', event, event.reason);
    },
    'replica.crashed'(event) {
      add('replica_crashes_total', event);
      add('engine_crash_total', event, inTable('engine_crash_total', event.crash_class));
    },
    'replica.backoff'(event) {
      // One that a rollback gives back was counted when it began.
      if (event.crash_reason === 'preflight' || event.because === 'rollback') return;
      const reason = inTable('restart_scheduled_total', event.crash_reason);
      add('restart_scheduled_total', event, reason);
      if (event.backoff_ms !== undefined) observe('backoff_delay_ms', event, event.backoff_ms, reason);
    },
    'breaker.changed'(event) {
      const { breaker = 'general', old_state, new_state } = event;
      if (new_state === 'open' && old_state !== 'open') add('circuit_breaker_open_total', event, breaker);
    },
    'storm.limited': storm,
    'storm.tripped': storm,
    'lease.granted': lease('granted'),
    'lease.released': lease('released'),
    'lease.expired': lease('expired'),
    'lease.lost': lease('lost'),
    'lease.refused': lease('refused'),
    'drain.finished'(event) {
      if (event.result === 'failed' || event.result === 'interrupted') return;
      add('drain_total', event, event.result);
      if (event.duration_ms !== undefined) observe('pool_drain_duration_ms', event, event.duration_ms, event.result);
    },
    'reload.finished'(event) {
      const { result = '', because = '', duration_ms } = event;
      if (result === 'reloaded') add('reload_success_total', event);
      else if (includes(metricTable.reload_failure_total.values, because)) add('reload_failure_total', event, because);
      if (!includes(metricTable.reload_total.values, result)) return;
      add('reload_total', event, result);
      if (duration_ms !== undefined) observe('pool_reload_duration_ms', event, duration_ms, result);
    },
    'device.reset'(event) {
      if (event.device !== undefined) add('driver_reset_total', event);
    },
  };

  function storm(event: Event): void {
    add('restart_storm_total', event, event.storm_kind ?? 'storm');
  }

  /** A refusal for want of such a pool is about none that there is. */
  function lease(outcome: string): (event: Event) => void {
    return (event) => {
      if (event.pool_id !== undefined) add('lease_total', event, outcome);
    };
  }

  function launched(event: Event): void {
    add('preload_success_total', event);
    if (event.uptime_seconds !== undefined) observe('preload_duration_ms', event, event.uptime_seconds * 1000);
  }

  return {
    text,
    know,
    count(event) {
      if (isReadinessChange(event)) add('readiness_transitions_total', event, event.to);
      const end = launchEnd(event);
      if (end === 'ready') launched(event);
      else if (end !== null) add('preload_failure_total', event, end);
      heard[event.event]?.(event);
    },
    hear(input, after) {
      const probe = input.type === 'probed' ? readProbe(input, after) : null;
      if (probe === null) return;
      add('health_probe_total', probe.whose, probe.result);
      if (probe.result !== 'unknown') observe('health_probe_duration_ms', probe.whose, probe.tookMs);
    },
  };
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
  return (
    reason === 'crash' ||
    reason === 'health' ||
    ((reason === 'operator' || reason === 'reload' || reason === 'apply') && incarnation > 1)
  );
}

function includes(words: readonly string[], word: string): boolean {
  return words.includes(word);
}
