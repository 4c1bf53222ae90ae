/** `npm run bench`: the figures that poolctl promises, each against a floor measured in the same run. See `npm run bench -- --help`. */

import { existsSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { aligned, comparison, table } from '../test/bench/figures.mjs';
import { Fleet, poolctl } from '../test/bench/fleet.mjs';
import { childProgram, quiet, workDirectory } from '../test/bench/machine.mjs';
import { writePage } from '../test/bench/page.mjs';
import { compared, findPeers } from '../test/bench/peers/index.mjs';
import { parse, refuse } from './options.mjs';

const own = ['status', 'respawn', 'memory', 'idle', 'start', 'stop', 'flood', 'scrape', 'leases', 'drain', 'view', 'scale'];

const help = `usage: npm run bench -- [--only PART,...] [--rounds N] [--window SECONDS] [--json]
       npm run bench -- --peers [--only PART,...] [--rounds N] [--window SECONDS] [--json | --page]

Parts: ${own.join(', ')}. Each has its own number of rounds, which --rounds overrides; --window is how long the
idle and view parts watch (default 30). The whole takes some fifteen minutes on an idle machine.
Prints medians (min-max), the ratio to the floor, and the target. The floor is a bare Node loop that spawns the same children on an
inherited descriptor; for status one GET by an empty Node program; for output the same program writing to a file; for the live view a bare Node.

--peers measures pm2, supervisord and runit beside poolctl, in turn: ${Object.keys(compared).join(', ')}.
It takes some eight minutes. pm2 and supervisord are fetched into .tmp/peers where they are not on PATH; one that is missing is left out.
--page writes the figures into docs/comparison.md as well.
`;

const { values } = parse({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    window: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const parts = values.peers ? Object.keys(compared) : own;
const chosen = values.only?.split(',') ?? parts;
const unknown = chosen.filter((part) => !parts.includes(part));

if (values.help) process.stdout.write(help);
else if (unknown.length > 0)
  refuse(`cannot measure ${unknown.map((part) => `"${part}"`).join(', ')}: the parts are ${parts.join(', ')}`);
else if (values.page && !values.peers) refuse('cannot write the page: it is a comparison; add --peers');
else if (!existsSync(poolctl)) refuse('cannot measure poolctl: it is not built; run npm run build');
else await bench();

async function bench() {
  const peers = values.peers ? findPeers(say) : [];
  const directory = workDirectory();
  const child = childProgram(directory);
  const fleet = new Fleet(directory, child, peers);
  const figures = [];
  const clean = async () => {
    await fleet.stopAll();
    rmSync(directory, { recursive: true, force: true });
  };
  for (const [signal, status] of Object.entries({ SIGINT: 130, SIGTERM: 143 }))
    process.once(signal, () => clean().then(() => process.exit(status)));
  try {
    say(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model}), in ${directory}, child: ${child.about}`);
    for (const { name, version } of peers) say(`${name} ${version}`);
    for (const part of chosen) {
      const { measure, rounds } = await import(`../test/bench/parts/${part}.mjs`);
      if (!(await quiet())) say('the machine is busy: the figures that follow are worth less');
      say(`${part} ...`);
      const times = Number(values.rounds ?? (values.peers ? compared[part] : rounds));
      figures.push(...(await measure({ fleet, rounds: times, windowMs: Number(values.window) * 1000 })));
    }
  } finally {
    await clean();
  }
  const rows = comparison(figures, ['poolctl', ...peers.map(({ name }) => name), 'floor']);
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else process.stdout.write(values.peers ? aligned(rows) : table(figures));
  if (values.page) say(`written into ${writePage(rows, peers, child.about)}`);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
