import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

type Supervisor = {
  readonly pid: number;
  up(): Promise<{ pid: number }[]>;
  begin(): void;
  pids(): number[];
  engines(): { name: string; pid: number }[];
  kill(all: boolean): number[];
  stop(): Promise<void>;
};
type Peer = { name: string; programs: string[]; plan(wish: object): object };
type Fleets = {
  Fleet: new (
    directory: string,
    child: { argv: string[] },
    peers?: Peer[],
  ) => {
    floor(wish: { count: number }): Supervisor;
    peers: ((wish: { count: number }) => Supervisor)[];
    stopAll(): Promise<void>;
  };
};
type Machine = { watchExits(child: { argv: string[] }, pids: number[]): { begun: Promise<unknown>; gone: Promise<number> } };
const { Fleet } = (await import(new URL('fleet.mjs', import.meta.url).href)) as Fleets;
const { watchExits } = (await import(new URL('machine.mjs', import.meta.url).href)) as Machine;

const child = { argv: [process.execPath, fileURLToPath(new URL('child.mjs', import.meta.url))] };

/** One that puts a process of its own between itself and each engine, as runit does, and leaves both to themselves when it is killed. */
const tree: Peer = {
  name: 'tree',
  programs: [],
  plan: ({ count, command }: { count: number; command: (number: number) => string[] }) => ({
    argv: [
      'sh',
      '-c',
      `${Array.from({ length: count }, (_, number) => `sh -c '${command(number).join(' ')} & wait' &`).join('\n')}\nwait`,
    ],
    log: 'none',
    status: [],
  }),
};

let directory: string;
let fleet: InstanceType<Fleets['Fleet']>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-fleet-'));
  fleet = new Fleet(directory, child, [tree]);
});

afterEach(async () => {
  await fleet.stopAll();
  rmSync(directory, { recursive: true });
});

async function allGone(pids: number[], act: () => unknown): Promise<void> {
  const watched = watchExits(child, pids);
  await watched.begun;
  await act();
  await watched.gone;
}

it("tells a supervisor's own processes from its engines, and what it leaves behind when it is killed goes with its stop", async () => {
  const supervisor = fleet.floor({ count: 2 });
  const engines = (await supervisor.up()).map(({ pid }) => pid);
  expect(supervisor.pids()).toEqual([supervisor.pid]);
  await allGone([supervisor.pid], () => supervisor.kill(false));
  expect(supervisor.engines().map(({ pid }) => pid)).toEqual(engines);
  await allGone(engines, () => supervisor.stop());
  expect(supervisor.engines()).toEqual([]);
});

it('counts a supervisor that is many processes as all of them, and kills one or all', async () => {
  const [start] = fleet.peers;
  if (start === undefined) throw new Error('the fleet has no peer');
  const supervisor = start({ count: 2 });
  const engines = (await supervisor.up()).map(({ pid }) => pid);
  const own = supervisor.pids();
  expect(own).toHaveLength(3);
  await allGone([supervisor.pid], () => expect(supervisor.kill(false)).toEqual([supervisor.pid]));
  const left = [...own.slice(1), ...engines];
  expect(left.filter((pid) => process.kill(pid, 0))).toEqual(left);
  await allGone(left, () => supervisor.stop());
});
