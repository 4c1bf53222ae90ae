/** Pairs of requests over one socket, a lease acquired and released, against a bare node:http server that is asked as often. */

import { Agent } from 'node:http';
import { ask } from '../ask.mjs';
import { percentile } from '../figures.mjs';
import { nowMs, quiet } from '../machine.mjs';

/** Series of `pairs`; each gives one rate and one p99. */
export const rounds = 5;

const pairs = 10_000;
const crowd = 50;

export async function measure({ fleet, rounds: count }) {
  const figures = [];
  for (const clients of [1, crowd]) {
    const [floor, ours] = [fleet.floor({ count: 1 }), fleet.poolctl({ count: 1, pool: { slots: crowd } })];
    await floor.up();
    await ours.up();
    await quiet();
    const rates = fleet.none();
    const worst = fleet.none();
    for (let round = -2; round < count; round++) {
      for (const { name, socket } of [floor, ours]) {
        const { rate, times } = await series(socket, clients);
        // The first two warm V8 up: a supervisor lives long.
        if (round < 0) continue;
        rates[name].push(rate);
        worst[name].push(percentile(times, 0.99));
      }
    }
    await Promise.all([floor.stop(), ours.stop()]);
    const who = clients === 1 ? '1 client' : `${clients} clients`;
    figures.push({ what: `lease pairs, ${who}`, unit: '/s', ...rates, ratioAtLeast: 0.6 });
    figures.push({ what: `lease pair, ${who}, p99`, unit: 'ms', ...worst, ...(clients === 1 ? {} : { ratioAtMost: 2 }) });
  }
  return figures;
}

/** @returns the pairs a second of all clients together, and how long each took, in milliseconds */
async function series(socketPath, clients) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const times = [];
  let left = pairs;
  const client = async () => {
    while (left-- > 0) {
      const begun = nowMs();
      const { lease_id: id } = JSON.parse(await ask({ agent, socketPath, method: 'POST', path: '/v2/pools/bench/leases' }, '{}'));
      await ask({ agent, socketPath, method: 'DELETE', path: `/v2/leases/${id ?? 'none'}` });
      times.push(nowMs() - begun);
    }
  };
  const begun = nowMs();
  await Promise.all(Array.from({ length: clients }, client));
  const rate = pairs / ((nowMs() - begun) / 1000);
  agent.destroy();
  return { rate, times };
}
