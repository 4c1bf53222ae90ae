/** What befalls engines: they crash, hang, lie, load again, ignore signals, leave children, and are killed and stopped from outside. */

import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readStat } from '../../src/host/proc.js';
import { send } from '../orchestrator/poolctl.js';
import type { Random } from '../sim/random.js';
import { type Part, pause, type Run } from './run-state.js';
import type { Engine } from './witness.js';

type Fault = {
  readonly name: string;
  /** A harmless one is no reason for an engine to end. */
  readonly harmless?: true;
  readonly befall: (run: Run, engine: Engine, random: Random) => Promise<void>;
};

export const engineFaults: Part = async (run, random, signal) => {
  while (!signal.aborted) {
    await pause(random.exponential(700), signal);
    if (signal.aborted) return;
    const { alive } = run.witness;
    if (alive.length === 0) continue;
    const engine = random.pick(alive);
    const fault = random.weighted(faults);
    run.chronicle.count('faults', fault.name);
    run.chronicle.line(`fault: ${fault.name} of ${engine.key} pid ${engine.pid}`);
    const from = performance.now();
    // Felt before it is written down for good, so it is written down twice: it may hit a successor on the same port.
    if (fault.harmless !== true) run.excuses.fault(fault.name, engine.key, from);
    await fault.befall(run, engine, random).catch((error: Error) => run.chronicle.line(`  it could not be: ${error.message}`));
    if (fault.harmless !== true) run.excuses.fault(fault.name, engine.key, from);
  }
};

/** A request to the engine itself. The signal is for one that is stopped. */
export const order = (port: number, text: string): Promise<{ readonly body: { readonly pid?: number } }> =>
  send({ host: '127.0.0.1', port, method: 'POST', path: `/demo/${text}`, signal: AbortSignal.timeout(1_000) });

const ordered = (name: string, text: (random: Random) => string = () => name, harmless?: true): Fault => ({
  name,
  ...(harmless === undefined ? {} : { harmless }),
  befall: async (_, { port }, random) => {
    await order(port, text(random));
  },
});

const forAWhile = (name: string): Fault => ordered(name, (random) => `${name}?for=${Math.round(random.between(300, 8_000))}`);

const signalled = (name: string, signal: NodeJS.Signals, group = false): Fault => ({
  name,
  befall: async (_, engine) => {
    if (isAlive(engine)) process.kill(group ? -engine.pid : engine.pid, signal);
  },
});

const faults: readonly (readonly [number, Fault])[] = [
  [6, signalled('kill -9', 'SIGKILL')],
  [2, signalled('kill -9 of the group', 'SIGKILL', true)],
  [2, signalled('SIGTERM by a stranger', 'SIGTERM')],
  [3, ordered('crash', (random) => `crash?code=${1 + random.below(3)}`)],
  [2, ordered('crash by a signal', () => 'crash?signal=SIGSEGV')],
  [2, ordered('exit')],
  [3, forAWhile('hang')],
  [2, forAWhile('hang-health')],
  [2, forAWhile('unhealthy')],
  [2, forAWhile('mute')],
  [1, forAWhile('dead')],
  [2, forAWhile('refuse')],
  [2, ordered('load again', (random) => `load?time=${Math.round(random.between(300, 4_000))}`)],
  [2, ordered('gpu-error')],
  [4, ordered('ignore-term', undefined, true)],
  [3, ordered('obey-term late', (random) => `obey-term?delay=${Math.round(random.between(100, 3_000))}`, true)],
  [3, ordered('flood', (random) => `print?text=${'x'.repeat(120)}&times=${random.below(6_000)}`, true)],
  [4, { name: 'stopped for a while', befall: stopped }],
  [5, { name: 'leaves a child', harmless: true, befall: leaves }],
  [3, { name: 'port taken', befall: robbed }],
];

async function stopped(_: Run, engine: Engine, random: Random): Promise<void> {
  if (!isAlive(engine)) return;
  process.kill(-engine.pid, 'SIGSTOP');
  await sleep(random.between(200, 6_000));
  if (isAlive(engine)) process.kill(-engine.pid, 'SIGCONT');
}

/** One that is deaf, in a session of its own, or without its environment; all of that at once, and without the log, nobody could find. */
async function leaves({ strays }: Run, engine: Engine, random: Random): Promise<void> {
  const traits = ['setsid', 'ignore-term', 'wipe-env'].filter(() => random.chance(0.5));
  const closed = !traits.includes('wipe-env') && random.chance(0.3) ? ['close-log'] : [];
  const how = [...traits, ...closed].map((trait) => `${trait}=1`).join('&');
  const { pid } = (await order(engine.port, `leak?${how}`)).body;
  const stat = pid === undefined ? null : readStat(pid);
  if (stat !== null) strays.add({ pid: stat.pid, startTicks: stat.startTicks, engine, how });
}

/** It is killed, and before it is back somebody else has its port, who says that all is well. */
async function robbed(run: Run, engine: Engine, random: Random): Promise<void> {
  const { key, port } = engine;
  run.robbed.add(key);
  if (isAlive(engine)) process.kill(engine.pid, 'SIGKILL');
  const server = createServer((_, response) => response.end('{"status":"ok"}'));
  const bound = await new Promise<boolean>((resolve) => {
    const tries = setInterval(() => server.listen(port, '127.0.0.1'), 5);
    const settle = (won: boolean): void => {
      clearInterval(tries);
      clearTimeout(patience);
      resolve(won);
    };
    const patience = setTimeout(() => settle(false), 300);
    server.on('error', () => {});
    server.once('listening', () => settle(true));
  });
  if (!bound) return void server.close();
  run.taken.set(key, performance.now());
  run.chronicle.count('seen', 'port held by a stranger');
  await sleep(random.between(200, 3_000));
  run.taken.delete(key);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
