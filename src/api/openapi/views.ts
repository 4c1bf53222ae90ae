/** Everything else that is shown as JSON. The keys are those of wire.ts and of the core's views. */

import type {
  ApplyView,
  CapabilitiesView,
  DevicesAnswer,
  DeviceView,
  LeaseView,
  PoolHealthView,
  PoolView,
  StatusView,
} from '../wire.js';
import * as examples from './examples.js';
import {
  breaker,
  crashCount,
  crashesTotal,
  engine,
  leases,
  maybeCount,
  maybeText,
  modelRef,
  perf,
  replica,
  restartCount,
  restartsTotal,
  slotsFree,
  slotsTotal,
  stateMeanings,
} from './replica.js';
import { component, flag, integer, list, maybe, number, object, orNull, ref, text, time, words } from './schema.js';

export const pool = component(
  'PoolView',
  object<PoolView>(
    {
      pool_id: text(),
      engine,
      engine_version: maybeText,
      model_id: maybeText,
      model_ref: modelRef,
      override: orNull(
        object<NonNullable<PoolView['override']>>(
          {
            model_ref: text('What a reload has put there.'),
            since: time(),
            file_model_ref: text('What the inventory says.'),
          },
          "The model that a reload has put in the place of the inventory's.",
        ),
      ),
      state: words("The best of its replicas'.", {
        ...stateMeanings,
        degraded: 'some wanted replicas are ready and some are not',
      }),
      live: flag('Any replica is.'),
      ready: flag('Any replica is.'),
      draining: flag('None of its replicas is ready, and at least one drains.'),
      active_leases: leases,
      slots_total: slotsTotal,
      slots_free: slotsFree,
      restart_count: restartCount,
      crash_count: crashCount,
      restarts_total: restartsTotal,
      crashes_total: crashesTotal,
      last_crash_at: orNull(time()),
      last_error: maybeText,
      device_masks: list(text(), 'As written, in the order of the replicas.'),
      drain_deadline_ms: integer('`drain.deadline` of pools.yaml: how long a drain may take for which nothing else is said.'),
      breaker: ref(breaker, "Each half is the worst of the replicas'."),
      storm: object<PoolView['storm']>({
        restarts_in_window: integer(),
        storming: flag('At the limit, so that the next restart waits.'),
      }),
      replicas: list(ref(replica)),
    },
    'One model served by one engine under one policy.',
  ),
  examples.pool,
);

export const device = component(
  'DeviceView',
  object<DeviceView>({
    index: text('As nvidia-smi has it; for AMD as ROCR_VISIBLE_DEVICES counts.'),
    uuid: text(),
    name: text(),
    vendor: words<DeviceView['vendor']>('', { nvidia: '', amd: '' }),
    vram_total_bytes: maybeCount,
    vram_free_bytes: maybeCount,
    compute_capability: maybeText,
    utilization_percent: orNull(number()),
    temperature_celsius: orNull({ schema: { type: 'number' } }),
    power_watts: orNull(number()),
    mig: flag(),
    healthy: flag(),
    ailment: orNull(text('What is wrong with it.')),
    age_seconds: orNull(number('Since these numbers were read.')),
    pools: list(text(), 'Whose masks have it.'),
    processes: orNull(
      list(
        object<NonNullable<DeviceView['processes']>[number]>({
          pid: integer(),
          program: maybeText,
          used_bytes: maybeCount,
          pool_id: orNull(text('Null: it is no engine of this supervisor.')),
          replica_id: maybeText,
        }),
        'Who uses it, the biggest first; null where its tool cannot tell, as in a container and under WSL.',
      ),
    ),
  }),
  examples.devices.devices[0] as DeviceView,
);

export const devices = component(
  'DevicesAnswer',
  object<DevicesAnswer>({
    devices: list(ref(device)),
    note: orNull(text('Why the numbers are not of now, or there are none.')),
  }),
  examples.devices,
);

export const status = component(
  'StatusView',
  object<StatusView>({
    api_version: text(undefined, { pattern: '^v2$' }),
    stale: flag('True only from `poolctl status` without a supervisor.'),
    supervisor: object<StatusView['supervisor']>({
      version: text(),
      pid: integer(),
      started_at: time(),
      uptime_seconds: number(),
      socket: text(),
      listen: orNull(text('Where the API listens on TCP.')),
      inventory: text('The path of pools.yaml.'),
      state_dir: text(),
      containment: words('How engines are held together.', {
        cgroup: 'each in a cgroup of its own',
        group: 'by their process groups',
      }),
      event_loop_lag_ms: integer('How late the supervisor itself is.'),
      unsaved: list(
        object<StatusView['supervisor']['unsaved'][number]>({
          what: text('A path, or a word for several files.'),
          reason: text(),
        }),
      ),
    }),
    pools: list(ref(pool)),
    devices: list(ref(device)),
  }),
  examples.status,
);

export const health = component(
  'PoolHealthView',
  object<PoolHealthView>(
    {
      pool_id: text(),
      live: flag(),
      ready: flag(),
      draining: flag(),
      active_leases: leases,
      slots_total: slotsTotal,
      slots_free: slotsFree,
      engine_version: maybeText,
      last_error: maybeText,
      last_heartbeat_ms: orNull(integer('In milliseconds since 1970.')),
      metrics: object<PoolHealthView['metrics']>({
        vram_total_bytes: maybeCount,
        vram_free_bytes: maybeCount,
        inflight: maybeCount,
        restart_count: restartCount,
        perf: orNull(ref(perf)),
      }),
    },
    'The pool in short.',
  ),
  examples.health,
);

export const capabilities = component(
  'CapabilitiesView',
  object<CapabilitiesView>({
    api_version: text(undefined, { pattern: '^v2$' }),
    version: text('Of poolctl.'),
    engines: list(
      object<CapabilitiesView['engines'][number]>({
        pool_id: text(),
        engine,
        engine_version: maybeText,
        model_id: maybeText,
        ctx_max: orNull(integer('The longest context in tokens.')),
        slots_total: slotsTotal,
        supported_workloads: list(text()),
        features: list(text()),
      }),
    ),
  }),
  examples.capabilities,
);

export const apply = component(
  'ApplyAnswer',
  object<ApplyView>({
    changed: flag('False where the file says what runs already.'),
    plan: list(
      object<ApplyView['plan'][number]>({
        pool_id: text(),
        action: words('', {
          keep: 'it is left alone',
          start: 'it is new in the file',
          stop: 'the file has it no more: it is drained, stopped and gone',
          restart: 'its engines are replaced, one after another, drained first',
          'live-update': 'its policies change while its engines go on',
        }),
        reasons: list(text('What differs, and where it stands in the file.')),
      }),
      "In the file's order.",
    ),
    notes: maybe(list(text('What of the file takes effect at the next start alone.'))),
    operation_id: maybe(text('Where there is something to do, and it was not only asked what.')),
  }),
  examples.applied,
);

export const lease = component(
  'LeaseView',
  object<LeaseView>(
    {
      lease_id: text(),
      pool_id: text(),
      replica_id: text(),
      url: text('Where the requests go.'),
      model_id: maybeText,
      holder: orNull(text('As it was said.')),
      granted_at: time(),
      expires_at: time('Unless it is renewed.'),
    },
    "A client's claim on one slot of a replica. It ends when it is given back, when nobody renews it, or when its engine ends.",
  ),
  examples.lease,
);

export type LeasesAnswer = { readonly leases: readonly LeaseView[] };
export const leaseList = component('LeasesAnswer', object<LeasesAnswer>({ leases: list(ref(lease), 'The oldest first.') }), {
  leases: [examples.lease],
});
