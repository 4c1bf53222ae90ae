/** Answers of probes in, counts out; and what becomes of the counts of those who are gone. */

import { describe, expect, it } from 'vitest';
import { Bench } from '../core/bench.js';
import fc from '../rig/chance.js';
import { parseExposition } from '../rig/exposition.js';
import { probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { poolView, replicaView, statusView } from '../rig/views.js';
import { gpu, stage, whose } from './stage.js';

describe('probes', () => {
  const ofDemo = whose.replace('llamacpp', 'command');
  /** A supervisor's state, and metrics that hear every answer of a probe. */
  function probed() {
    const on = stage(statusView([poolView('chat', [replicaView()], { engine: 'command' })]));
    const bench = new Bench([poolSpec('chat', 1)]);
    return {
      ...on,
      bench,
      answer(result = probeResult(), of = bench.of()) {
        const input = { type: 'probed', ...of, result } as const;
        bench.give(input);
        on.metrics.hear(input, bench.state);
      },
      async timed() {
        const { samples } = parseExposition(await on.text()).get('health_probe_duration_ms') ?? {};
        return ['sum', 'count'].map((name) => samples?.get(`health_probe_duration_ms_${name}{pool_id="chat"}`)?.value);
      },
    };
  }

  it('of an engine that loads are no failures, and the one that finds it ready is good', async () => {
    const on = probed();
    on.bench.checked().spawned().wake();
    on.answer(probeResult({ verdict: 'loading', detail: 'HTTP 503', tookMs: 700 }));
    on.bench.wake();
    on.answer(probeResult({ listener: 'foreign', holder: 'pid 7 (nc)', tookMs: 700 }));
    expect(await on.told('health_probe_total')).toEqual({});
    expect(await on.timed()).toEqual([0, 0]);
    on.bench.wake();
    on.answer(probeResult({ tookMs: 3 }));
    expect(await on.told('health_probe_total')).toEqual({ [`{${ofDemo},result="ok"}`]: 1 });
    expect(await on.timed()).toEqual([3, 1]);
  });

  it('of an engine that serves are ok, failed or unknown; what could not be judged took no time', async () => {
    const on = probed();
    on.bench.ready();
    const answers = [
      { tookMs: 1 },
      { verdict: 'loading', detail: 'HTTP 503', tookMs: 10 },
      { verdict: 'failed', detail: 'no answer', tookMs: 2_000 },
      { listener: 'foreign', holder: 'pid 7 (nc)', tookMs: 5 },
      { verdict: 'unknown', detail: 'no descriptor left', tookMs: 90 },
    ] as const;
    for (const result of answers) {
      on.bench.wake();
      on.answer(probeResult(result));
    }
    expect(on.bench.view()).toMatchObject({ state: 'unhealthy' });
    expect(await on.told('health_probe_total')).toEqual({
      [`{${ofDemo},result="ok"}`]: 1,
      [`{${ofDemo},result="failed"}`]: 3,
      [`{${ofDemo},result="unknown"}`]: 1,
    });
    expect(await on.timed()).toEqual([2_016, 4]);
  });

  it('of an earlier engine, of one that is being ended, and of nobody do not count', async () => {
    const on = probed();
    on.bench.ready();
    on.answer(probeResult(), { key: 'chat/r0', incarnation: 0 });
    on.answer(probeResult(), { key: 'chat/r7', incarnation: 1 });
    on.answer(probeResult(), { key: 'code/r0', incarnation: 1 });
    on.bench.ask('stop');
    on.answer(probeResult({ verdict: 'failed' }));
    on.metrics.hear({ type: 'woke' }, on.bench.state);
    expect(await on.told('health_probe_total')).toEqual({});
  });
});

describe('who is gone', () => {
  it('takes its counters along, and begins anew when it comes back', async () => {
    const chat = poolView('chat', [replicaView(), replicaView({ replica_id: 'r1' })]);
    const both = statusView([chat, poolView('code', [replicaView()])], { devices: [gpu] });
    const on = stage(both);
    const crash = { event: 'replica.crashed', crash_class: 'hang' } as const;
    on.tell(crash, { ...crash, replica_id: 'r1' }, { ...crash, pool_id: 'code' });
    on.tell({ event: 'replica.backoff', crash_reason: 'hang', backoff_ms: 1_000, pool_id: 'code' });
    on.tell({ event: 'device.reset', device: gpu.uuid }, { event: 'storm.limited', storm_kind: 'device', pool_id: '' });
    expect(Object.keys(await on.told('replica_crashes_total'))).toHaveLength(3);
    expect(await on.told('driver_reset_total')).toEqual({ [`{device="${gpu.uuid}"}`]: 1 });

    on.see(statusView([poolView('chat', [replicaView()])]));
    const left = await on.text();
    expect(left).not.toContain('code');
    expect(left).not.toContain('r1');
    expect(left).not.toContain(gpu.uuid);
    expect(await on.told('replica_crashes_total')).toEqual({ [`{${whose}}`]: 1 });
    // What is of no one pool has nobody to go with.
    expect(await on.told('restart_storm_total')).toEqual({ '{pool_id="",kind="device"}': 1 });

    on.see(both);
    expect(await on.told('replica_crashes_total')).toEqual({ [`{${whose}}`]: 1 });
    const families = parseExposition(await on.text());
    expect(families.get('replica_crashes_total')?.samples.size).toBe(3);
    expect(families.get('driver_reset_total')?.samples.get(`driver_reset_total{device="${gpu.uuid}"}`)?.value).toBe(0);
    expect(families.get('backoff_delay_ms')?.samples.size).toBe(0);
  });

  it('whatever happens and whoever comes and goes, there are series of those in the view, with what happened since they came', async () => {
    const pools = ['a', 'b', 'c'] as const;
    const viewOf = (ids: readonly string[]) => statusView(ids.map((id) => poolView(id, [replicaView()])));
    const move = fc.oneof(fc.record({ crash: fc.constantFrom(...pools) }), fc.record({ scrape: fc.subarray([...pools]) }));
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 25 }), async (moves) => {
        const on = stage(viewOf([]));
        const counted = new Map<string, number>();
        for (const each of moves) {
          if ('crash' in each) {
            on.tell({ event: 'replica.crashed', pool_id: each.crash });
            counted.set(each.crash, (counted.get(each.crash) ?? 0) + 1);
            continue;
          }
          on.see(viewOf(each.scrape));
          for (const id of pools) if (!each.scrape.includes(id)) counted.delete(id);
          const families = parseExposition(await on.text());
          const { samples } = families.get('replica_crashes_total') ?? {};
          expect(Object.fromEntries([...(samples ?? [])].map(([, { labels, value }]) => [labels.pool_id, value]))).toEqual(
            Object.fromEntries(each.scrape.map((id) => [id, counted.get(id) ?? 0])),
          );
          const seen = [...families.values()].flatMap((family) => [...family.samples.values()]);
          const ids = new Set(seen.flatMap(({ labels }) => labels.pool_id ?? []));
          expect([...ids].sort()).toEqual(each.scrape);
        }
      }),
      { numRuns: 100 },
    );
  });
});
