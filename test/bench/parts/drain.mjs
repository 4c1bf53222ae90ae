/**
 * How soon a drain notices that it may end: from the release of the last lease until whoever waits for the operation hears of its end, with an
 * engine that dies at once when it is told to; and from the end of the last request until the engine is gone. Engines are asked for their requests
 * once a second, so the second lies anywhere within that second: the latest counts.
 */

import { ask } from '../ask.mjs';
import { waitReady } from '../fleet.mjs';
import { nowMs, quiet, watchExits } from '../machine.mjs';

export const rounds = 20;

export async function measure({ fleet, rounds: count }) {
  const released = await afterLeases(fleet, count);
  const ended = await afterRequests(fleet, count);
  return [
    { what: 'drain, last release to its end', unit: 'ms', poolctl: released, atMost: 20 },
    { what: "drain, request's end to engine gone", unit: 'ms', poolctl: ended },
    { what: "drain, request's end, the latest", unit: 'ms', poolctl: [Math.max(...ended)], atMost: 1_200 },
  ];
}

async function afterLeases(fleet, count) {
  const supervisor = fleet.poolctl({ count: 1 });
  const to = apiOf(supervisor);
  await supervisor.up();
  await quiet();
  const times = [];
  for (let round = 0; round < count; round++) {
    const { lease_id: id } = await to('POST', '/v2/pools/bench/leases', '{}');
    const { operation_id: drain } = await to('POST', '/v2/pools/bench/drain', '{}');
    const over = ended(to, drain);
    // Its turn comes after that of the question above.
    await to('GET', '/v2/leases');
    const begun = nowMs();
    await to('DELETE', `/v2/leases/${id}`);
    await over;
    times.push(nowMs() - begun);
    await startAgain(to);
  }
  await supervisor.stop();
  return times;
}

async function afterRequests(fleet, count) {
  const demo = { engine: 'demo', command: undefined, args: ['--load-time', '1ms', '--token-time', '20ms'] };
  const pool = { ...demo, health: { startup_interval: '20ms' } };
  // What it said before the drain would count, and these requests are too young for that.
  const supervisor = fleet.poolctl({ count: 1, pool, settings: { engine_poll: null } });
  const to = apiOf(supervisor);
  await listening(to);
  waitReady(supervisor);
  await quiet();
  const times = [];
  for (let round = 0; round < count; round++) {
    const [{ pid, port }] = (await to('GET', '/v2/pools/bench')).replicas;
    const watched = watchExits(fleet.child, [pid]);
    await watched.begun;
    // Ends spread over the second between two questions, the same in every run.
    const tokens = 20 + Math.floor((50 * round) / count);
    const engine = { host: '127.0.0.1', port, method: 'POST', path: '/completion' };
    const answered = ask(engine, JSON.stringify({ prompt: 'on', n_predict: tokens })).then(() => nowMs());
    while (!(await ask({ host: '127.0.0.1', port, path: '/slots' })).includes('"is_processing":true'));
    const { operation_id: drain } = await to('POST', '/v2/pools/bench/drain', '{}');
    times.push((await watched.gone) - (await answered));
    await ended(to, drain);
    await startAgain(to);
  }
  await supervisor.stop();
  return times;
}

const apiOf =
  ({ socket: socketPath }) =>
  async (method, path, body) =>
    JSON.parse((await ask({ socketPath, method, path, agent: false }, body)) || 'null');

async function ended(to, operation) {
  const { state, outcome } = await to('GET', `/v2/operations/${operation}?wait_ms=60000`);
  if (state !== 'succeeded' || outcome === 'forced') throw new Error(`not the end that was to come: ${state}, ${outcome}`);
}

async function startAgain(to) {
  await ended(to, (await to('POST', '/v2/pools/bench/start', '{}')).operation_id);
}

/** Before it listens there is nobody to wait for anything. */
async function listening(to) {
  for (const late = nowMs() + 60_000; ; ) {
    const up = await to('GET', '/health').catch((error) => (nowMs() > late ? Promise.reject(error) : null));
    if (up !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
