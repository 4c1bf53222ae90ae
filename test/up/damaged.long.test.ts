/** A registry that is whole JSON and says nonsense in one place: changed by hand, or written by another version. It is set aside, or it does no harm. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { nextAt } from '../../src/core/due.js';
import { viewPools } from '../../src/core/snapshot.js';
import { step } from '../../src/core/step.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { rfc3339 } from '../../src/text/time.js';
import { begin } from '../../src/up/begin.js';
import { recordMaker } from '../../src/up/record.js';
import { Bench } from '../core/bench.js';
import { scratchDir } from '../host/scratch.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';

type Tree = Record<string, unknown>;
/** null: it is not there at all. */
const nonsense = [null, 'x', 7, {}, []];

/** One that is being drained under a lease, one that waits after a crash, one that was stopped, one that serves. */
function lively(): Bench {
  const bench = new Bench([poolSpec('chat', 4)]);
  bench.ready();
  bench.lease({ type: 'lease-requested', poolId: 'chat', replicaId: 'r0', ttlMs: 60_000, holder: null, correlationId: null });
  bench.ready('chat/r1').exited(undefined, true, 'chat/r1');
  bench.ask('stop', { replicaId: 'r2' });
  bench.ready('chat/r3').ask('drain', { replicaId: 'r0' });
  return bench;
}

it('wherever it is damaged, a supervisor begins, shows what is, and goes on', async () => {
  const bench = lively();
  const clock = { now: () => bench.now, wallMs: () => 1e12 + bench.now };
  const { record, entryOf } = recordMaker('boot', clock);
  const whole = JSON.parse(JSON.stringify(record(bench.state, null, {} as never))) as Tree;
  const dir = await scratchDir();
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  await mkdir(paths.logsDir);
  const beginWith = async (content: Tree) => {
    await writeFile(paths.registry, JSON.stringify(content));
    return begin({
      inventory: inventoryOf(poolSpec('chat', 4)),
      named: [],
      devices: { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 },
      exitOnAllFailed: false,
      paths,
      bootId: 'boot',
      processes: { sweep: async () => new Map() },
      contained: [],
      entryOf,
      now: bench.now + 1_000,
      wallMs: 1e12 + bench.now + 1_000,
    });
  };
  expect((await beginWith(whole)).setAside).toBeNull();
  let [harmless, aside] = [0, 0];
  for (const { way, key } of places(whole.state as Tree, ['state'])) {
    for (const put of nonsense) {
      const { restored, setAside } = await beginWith(damaged(whole, way, key, put));
      if (setAside === null) harmless += 1;
      else aside += 1;
      await rm(`${paths.registry}.unreadable-1`, { force: true });
      let { state } = restored;
      let now = bench.now + 1_000;
      try {
        for (let n = 0; n < 12; n += 1) {
          state = step(state, { type: 'woke' }, { now, wallMs: 1e12 + now, rand: () => 0.5, id: () => `id${n}` }).state;
          viewPools(state, { now, time: rfc3339 });
          now = Math.max(now, nextAt(state) ?? now);
        }
      } catch (error) {
        expect.fail(`${[...way, key].join('.')} as ${JSON.stringify(put)}: ${error}`);
      }
    }
  }
  expect(aside).toBeGreaterThan(50);
  expect(harmless).toBeGreaterThan(50);
}, 120_000);

function* places(node: Tree, way: readonly string[]): Generator<{ readonly way: readonly string[]; readonly key: string }> {
  for (const [key, value] of Object.entries(node)) {
    yield { way, key };
    if (typeof value === 'object' && value !== null) yield* places(value as Tree, [...way, key]);
  }
}

function damaged(whole: Tree, way: readonly string[], key: string, put: unknown): Tree {
  const copy = structuredClone(whole);
  const place = way.reduce((here, each) => here[each] as Tree, copy);
  if (put === null) delete place[key];
  else place[key] = put;
  return copy;
}
