/** GET /metrics over the socket of a supervisor with 100 ready replicas, one scrape after another. */

import { request } from 'node:http';
import { percentile } from '../figures.mjs';
import { cpuMs, nowMs, quiet } from '../machine.mjs';

/** Series of `scrapes`; each gives one median and one p99. */
export const rounds = 3;

const engines = 100;
const scrapes = 200;

export async function measure({ fleet, rounds: count }) {
  const supervisor = fleet.poolctl({ count: engines });
  await supervisor.up();
  await quiet();
  const medians = [];
  const worst = [];
  const cpu = [];
  let bytes = 0;
  for (let round = -1; round < count; round++) {
    const times = [];
    const before = cpuMs(supervisor.pid);
    for (let scrape = 0; scrape < scrapes; scrape++) {
      const begun = nowMs();
      bytes = (await get(supervisor.socket, '/metrics')).length;
      times.push(nowMs() - begun);
    }
    // The first series warms V8 up.
    if (round < 0) continue;
    cpu.push((cpuMs(supervisor.pid) - before) / scrapes);
    medians.push(percentile(times, 0.5));
    worst.push(percentile(times, 0.99));
  }
  await supervisor.stop();
  const note = `${Math.round(bytes / 1024)} KiB, ${scrapes} scrapes a round`;
  return [
    { what: 'scrape of 100 replicas, median', unit: 'ms', poolctl: medians, note },
    { what: 'scrape of 100 replicas, CPU', unit: 'ms', poolctl: cpu },
    { what: 'scrape of 100 replicas, p99', unit: 'ms', poolctl: worst, atMost: 40 },
  ];
}

function get(socketPath, path) {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`HTTP ${answer.statusCode}`))));
    });
    asked.on('error', reject);
    asked.end();
  });
}
