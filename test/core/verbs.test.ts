/** Every wish in every state, and once more beside itself: it is done or refused with a reason, its operation ends, and asked again it changes nothing. */

import { describe, expect, it } from 'vitest';
import type { StateName } from '../../src/core/life.js';
import type { Input, Verb } from '../../src/core/messages.js';
import { exitOf, probeResult, unmade } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench, crash } from './bench.js';
import { World } from './world.js';

/** What an engine and a machine do that are well. */
const well = { choice: 3, flag: true };

const ways: Readonly<Record<StateName, (bench: Bench) => unknown>> = {
  preparing: () => {},
  starting: (bench) => bench.checked().spawned(),
  ready: (bench) => bench.ready(),
  unhealthy: (bench) => bench.ready().pass(20_000, probeResult({ verdict: 'failed', detail: 'no answer' })),
  draining: (bench) => {
    bench
      .ready()
      .lease({ type: 'lease-requested', poolId: 'chat', replicaId: null, ttlMs: 3_600_000, holder: null, correlationId: null });
    bench.ask('drain');
  },
  stopping: (bench) => bench.ready().ask('stop'),
  stopped: (bench) => bench.ready().ask('stop').exited().swept(),
  backoff: (bench) => bench.ready().exited(),
  broken: (bench) => crash(bench.ready(), 5),
  failed: (bench) => bench.checked().exited(unmade('ENOENT', 'no such program')),
  stuck: (bench) => {
    bench.ready().ask('stop');
    while (bench.view().state !== 'stuck') {
      if (bench.did().includes('sweep')) bench.swept([100]);
      else bench.wake();
    }
  },
};

/** States that a replica leaves by itself, as long as its engine and its machine are well. */
const passing: ReadonlySet<string> = new Set(['preparing', 'starting', 'draining', 'stopping', 'stuck']);

/** A bench whose effects the world answers, and who is told to end by a signal does. */
function begun() {
  const bench = new Bench([poolSpec('chat', 1)]);
  const world = new World();
  world.perform(bench.effects);
  const give = bench.give.bind(bench);
  let signalled = false;
  bench.give = (input: Input) => {
    give(input);
    if (input.type === 'exited') world.live.get(input.key)?.delete(input.incarnation);
    world.perform(bench.effects);
    signalled ||= bench.did().includes('signal');
    return bench;
  };
  const running = () => [...bench.state.operations.values()].filter(({ state }) => state === 'running');
  const settle = (): void => {
    for (let steps = 0; running().length > 0 || world.open.length > 0 || passing.has(bench.view().state); steps += 1) {
      if (steps > 2_000) throw new Error(`${running().map(({ kind }) => kind)} never ends: ${bench.view().state}`);
      const answer = world.answer(well);
      if (answer !== null) bench.give(answer);
      else if (signalled) {
        signalled = false;
        bench.exited(exitOf({ code: 0 }));
      } else bench.wake();
    }
  };
  return { bench, world, settle };
}

const up: readonly Verb[] = ['start', 'restart', 'reset'];
const verbs: readonly Verb[] = [...up, 'stop', 'drain'];
const cells = (Object.keys(ways) as StateName[]).flatMap((state) => verbs.map((verb) => [verb, state] as const));
/** A lease is held there, and nobody gives it back. */
const now = { now: true } as const;

describe('a wish', () => {
  it.each(cells)('%s of one that is %s', (verb, state) => {
    const { bench, world, settle } = begun();
    ways[state](bench);
    expect(bench.view().state).toBe(state);
    const answers = [bench.ask(verb, now).answer, bench.ask(verb, now).answer];
    const refused = state === 'broken' && (verb === 'start' || verb === 'restart');
    expect(answers[0]).toMatchObject(refused ? { ok: false, refusal: { code: 'POOL_UNAVAILABLE' } } : { ok: true });
    // The second is the same, joins the first, or is told that there is one.
    if (answers[1]?.ok === false) expect(['OPERATION_IN_PROGRESS', 'POOL_UNAVAILABLE']).toContain(answers[1].refusal.code);
    settle();
    expect(world.violations).toEqual([]);
    if (refused) return;
    const wanted = up.includes(verb) ? { state: 'ready', goal: 'up' } : { state: 'stopped', goal: 'down' };
    expect(bench.view()).toMatchObject(wanted);
    expect([...bench.state.operations.values()].every((operation) => operation.state !== 'running')).toBe(true);
    // These do something each time: one forgets, the other launches anew.
    if (verb === 'restart' || verb === 'reset') return;
    const again = bench.ask(verb, now).answer;
    expect(again).toMatchObject({ ok: true });
    const operation = bench.state.operations.get(again?.ok === true ? again.operationId : '');
    expect([operation?.state, operation?.changed]).toEqual(['succeeded', false]);
    expect(bench.view()).toMatchObject(wanted);
  });

  it.each(['stopped', 'starting', 'ready'] as const)(
    'has its end though another wish takes its place at once: a stop, then a start (%s)',
    (state) => {
      const { bench, settle } = begun();
      ways[state](bench);
      const stop = bench.ask('stop').answer;
      const start = bench.ask('start').answer;
      settle();
      for (const answer of [stop, start]) {
        const operation = bench.state.operations.get(answer?.ok === true ? answer.operationId : '');
        expect(operation?.state).toMatch(/succeeded|failed/);
      }
      expect(bench.view()).toMatchObject({ state: 'ready', goal: 'up' });
    },
  );
});
