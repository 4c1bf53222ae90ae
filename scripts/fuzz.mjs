/** `npm run fuzz`: the API held to its own OpenAPI document, over TCP, by requests that nobody would send. See `npm run fuzz -- --help`. */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Relay } from './fuzz/relay.mjs';
import { install, NotToBeHad, schemathesis } from './fuzz/schemathesis.mjs';
import { poolctl, Supervisors } from './fuzz/supervisor.mjs';
import { numberOf, parse, refuse } from './options.mjs';

const help = `usage: npm run fuzz -- [--requests N] [--seed N] [--examples N] [--port PORT]

Starts poolctl with demo engines on 127.0.0.1:PORT (default 31990) and has Schemathesis, twice at a time, ask for everything that openapi.json
describes, in right ways and in wrong ones, round after round with another seed, until N requests are out (default 20000). Each round makes up to N examples
(default 40) for an operation. pools.yaml changes and breaks meanwhile; a supervisor that is told to shut down has the next after it.
Fails where an answer is not described, is a 500, or does not come, and where the supervisor ends otherwise than asked.
Needs python3 with venv; Schemathesis is installed into $XDG_CACHE_HOME/poolctl once.
`;

const { values } = parse({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    examples: { type: 'string', default: '40' },
    port: { type: 'string', default: '31990' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(help);
else if (!existsSync(poolctl)) refuse('cannot fuzz poolctl: it is not built; run npm run build');
else await fuzz();

async function fuzz() {
  const [requests, examples, port] = ['requests', 'examples', 'port'].map((name) => numberOf(name, values[name]));
  const program = await install().catch((error) => {
    if (!(error instanceof NotToBeHad)) throw error;
    return refuse(`cannot fuzz poolctl: Schemathesis is not to be had: ${error.message}`);
  });
  const directory = mkdtempSync(join(tmpdir(), 'poolctl-fuzz-'));
  const supervisors = new Supervisors(directory, port);
  const relay = new Relay(supervisors);
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopped.abort());
  const begun = performance.now();
  let [rounds, failed] = [0, 0];
  /** One round after another, each with the next seed. */
  const client = async (url, place) => {
    mkdirSync(place);
    while (relay.requests < requests) {
      const seed = Number(values.seed) + rounds++;
      const wish = { program, url, seed, directory: place, examples, signal: stopped.signal };
      const { sound, told } = await schemathesis(wish);
      if (sound) continue;
      failed += 1;
      process.stdout.write(`seed ${seed}:\n${told}\n`);
    }
  };
  try {
    const url = `http://127.0.0.1:${await relay.listen()}`;
    await Promise.all(['one', 'other'].map((name) => client(url, join(directory, name))));
  } finally {
    relay.close();
    await supervisors.close();
    rmSync(directory, { recursive: true, force: true });
  }
  const faults = [...relay.faults, ...supervisors.faults];
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  const statuses = [...relay.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stdout.write(
    `${relay.requests} requests in ${seconds} s, ${rounds} rounds, ${supervisors.count} supervisors: ${statuses.join(', ')}\n`,
  );
  const wrong = failed + faults.length;
  process.stdout.write(`${rounds - failed} passed, ${wrong} failed\n`);
  process.exitCode = wrong > 0 ? 1 : 0;
}
