/** The calm after a storm: all faults are off, and everything must come back by itself; what was stopped, after a reset. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaView } from '../../src/api/wire.js';
import { type Answer, type Json, send } from '../orchestrator/poolctl.js';
import { order } from './engine-faults.js';
import { seconds } from './goals.js';
import { allKeys, comeBackMs, models, policy } from './pools.js';
import { readHandoffs, replicasOf, statusOf } from './reader.js';
import type { Run } from './run-state.js';

export async function calm(run: Run): Promise<void> {
  const { chronicle } = run;
  chronicle.line('calm');
  await heal(run);
  for (const step of [unspoilt, applied, wantedAreBack, allAfterReset, agreed]) {
    if (chronicle.broken.aborted) return;
    await step(run);
  }
  run.excuses.closeAll();
  run.robbed.clear();
  chronicle.line('calm: all is well');
}

async function heal({ witness }: Run): Promise<void> {
  await witness.look();
  for (const { pid } of witness.alive) {
    try {
      process.kill(-pid, 'SIGCONT');
    } catch {
      // It has ended meanwhile.
    }
  }
  await Promise.all(witness.alive.map(({ port }) => order(port, 'healthy').catch(() => null)));
}

/** What is in the file is put to work, so that nothing is left to be surprised by. With a model that cannot be run nothing can. */
const applied = (run: Run): Promise<void> =>
  accomplish(run, '/v2/inventory/apply', {}, 'the file cannot be applied', ({ operation_id }) => operation_id === undefined);

/** A pool that was stopped takes any model; now it is given one that can be run. */
async function unspoilt(run: Run): Promise<void> {
  for (const poolId of run.spoilt) {
    const body = { new_model_ref: models.first };
    const what = `${poolId} cannot be given a model that can be run`;
    await accomplish(run, `/v2/pools/${poolId}/reload`, body, what, ({ state }) => state === 'succeeded');
  }
  run.spoilt.clear();
}

/** Asks until it is so. What a dead supervisor has left half done may be in the way at first. */
async function accomplish(
  { supervisor, chronicle, excuses, restarts }: Run,
  path: string,
  body: object,
  what: string,
  isSo: (answer: Json) => boolean,
): Promise<void> {
  const until = performance.now() + 2 * comeBackMs;
  restarts.asked(allKeys);
  // Engines may be ended for it. It is open until all is well.
  excuses.open(what, allKeys, policy.drainMs);
  for (let last: Answer | null = null; !chronicle.broken.aborted; ) {
    if (performance.now() > until) return chronicle.violate(`${what}: ${last?.status} ${JSON.stringify(last?.body)}`);
    last = await supervisor.ask('POST', path, body, { prefer: 'respond-async' });
    const id = last?.body?.operation_id;
    while (id !== undefined && (last?.body.state ?? 'running') === 'running' && performance.now() < until)
      last = await supervisor.ask('GET', `/v2/operations/${id}?wait_ms=5000`);
    if (last !== null && last.status < 300 && isSo(last.body)) return;
    await sleep(500);
  }
}

/** Without a word from anybody. One whose port was taken may have given up. */
async function wantedAreBack(run: Run): Promise<void> {
  const { goals, robbed } = run;
  const wanted = allKeys.filter((key) => goals.of(key) === 'up');
  await untilReady(run, wanted, (key, replica) => replica.state === 'failed' && robbed.has(key));
}

async function allAfterReset(run: Run): Promise<void> {
  const { supervisor, chronicle, goals, restarts } = run;
  goals.all('up', 'reset all');
  restarts.asked(allKeys);
  const until = performance.now() + comeBackMs;
  for (;;) {
    const { code, stderr } = await supervisor.run('reset', 'all', '--timeout', '60s');
    if (code === 0) break;
    // Something that nobody waits for may be at work: a reload that a dead supervisor has left half done.
    if (code !== 7 || performance.now() > until) return chronicle.violate(`reset all has ended with ${code}: ${stderr}`);
    await sleep(500);
  }
  await untilReady(run, allKeys, () => false);
}

async function untilReady(
  run: Run,
  keys: readonly string[],
  excused: (key: string, replica: ReplicaView) => boolean,
): Promise<void> {
  const begunAt = performance.now();
  for (;;) {
    const status = await statusOf(run);
    if (run.chronicle.broken.aborted) return;
    const missing = [...(status === null ? [] : replicasOf(status))].filter(
      ([key, replica]) => keys.includes(key) && !replica.ready && !excused(key, replica),
    );
    if (status !== null && missing.length === 0) return;
    const tookMs = performance.now() - begunAt;
    if (tookMs > comeBackMs) {
      const who = missing.map(
        ([key, { state, goal, why, last_error }]) => `${key} is ${state}, goal ${goal} (${why ?? last_error})`,
      );
      return run.chronicle.violate(`${seconds(tookMs)} after all faults were over: ${who.join('; ')}`);
    }
    await sleep(100);
  }
}

/** Status, /proc, pid files, handoff files and the engines themselves tell of the same twelve. */
async function agreed(run: Run): Promise<void> {
  const { witness, chronicle, place, strays } = run;
  const status = await statusOf(run);
  await witness.look();
  const { alive } = witness;
  if (status === null || chronicle.broken.aborted) return;
  const handoffs = readHandoffs(place.state);
  for (const [key, { pid, port }] of replicasOf(status)) {
    const engine = witness.of(key);
    const written = readPid(join(place.state, 'run', `${key.replace('/', '.')}.pid`));
    const health = await send({ host: '127.0.0.1', port: port ?? 0, method: 'GET', path: '/health' }).catch(() => null);
    const told = [engine?.pid ?? null, written, handoffs.get(key) ?? null];
    if (told.some((each) => each !== pid) || engine?.port !== port || health?.status !== 200)
      chronicle.violate(
        `${key}: status says pid ${pid} on port ${port}; /proc, pid file and handoff file say ${told.join(', ')}, port ${engine?.port}; /health ${health?.status}`,
      );
  }
  if (alive.length !== allKeys.length) chronicle.violate(`${alive.length} engines live for ${allKeys.length} replicas`);
  const left = strays.living.filter(({ engine: { goneAt } }) => goneAt !== null && performance.now() - goneAt > 12_000);
  if (left.length > 0)
    chronicle.violate(`children of dead engines are left: ${left.map(({ pid, how }) => `pid ${pid} (${how})`).join(', ')}`);
}

function readPid(path: string): number | null {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
