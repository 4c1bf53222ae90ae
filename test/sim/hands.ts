/** Hands of a virtual supervisor: what src/shell/hands.ts promises, done to virtual processes, with all that may go wrong. */

import type { EngineIdentity, Obstacle } from '../../src/core/facts.js';
import type { Launch } from '../../src/core/messages.js';
import type { Hands, Reports } from '../../src/shell/perform.js';
import { notSpawned } from './exits.js';
import { drawFate, type Weather } from './fate.js';
import type { Machine } from './machine.js';
import { fateWith, looked, obstacleOf } from './models.js';
import { probe, token, unfinished } from './probing.js';
import type { Process } from './processes.js';
import { told } from './requests.js';
import type { Supervisor } from './supervisor.js';

export function makeVirtualHands(machine: Machine, supervisor: Supervisor): Hands {
  const { processes, watch } = machine;
  const random = machine.random.fork(`hands ${machine.now}`);
  const { later } = supervisor;
  const weatherOf = (launch: Launch): Weather => machine.weather.get(launch.spec.poolId) ?? 'calm';

  function obstacles(launch: Launch): readonly Obstacle[] {
    const holder = processes.leaders().find((each) => each.launch.port === launch.port && each.loadedAt !== null);
    if (machine.strangers.has(launch.port) || holder !== undefined) return [{ what: 'port', text: 'somebody has the port' }];
    if (weatherOf(launch) === 'misconfigured' && random.chance(0.2))
      return [{ what: 'program', text: 'there is no such program' }];
    const unfit = obstacleOf(launch.spec);
    if (unfit !== null) return [unfit];
    return random.chance(0.02) ? [{ what: 'memory', text: 'too little memory' }] : [];
  }

  function spawn(launch: Launch, reports: Reports): ReturnType<Hands['spawn']> {
    if (!supervisor.alive) return never();
    const flawed = weatherOf(launch) === 'misconfigured' ? 0.3 : 0.01;
    if (random.chance(flawed)) {
      const errno = random.pick(flawed > 0.1 ? (['ENOENT'] as const) : (['EAGAIN', 'EMFILE'] as const));
      watch.count(`spawn fails: ${errno}`);
      watch.spawned(launch, null, supervisor);
      return later(random.between(0.2, 5), () => ({ ok: false, error: notSpawned(errno) }));
    }
    const fate = fateWith(drawFate(weatherOf(launch), random), launch.spec, random);
    const leader = processes.launch(launch, fate);
    watch.spawned(launch, leader, supervisor);
    const identity = { pid: leader.pid, startTicks: leader.startTicks, instance: launch.instance, logOffset: 0 };
    return later(random.between(0.5, 6), () => {
      supervisor.wait(leader, reports);
      return { ok: true, value: identity };
    });
  }

  function adopt(launch: Launch, identity: EngineIdentity, reports: Reports): Promise<boolean> {
    const process = processes.find(identity);
    if (process !== null) {
      return later(1, () => {
        supervisor.wait(process, reports);
        return true;
      });
    }
    return later(1, () => {
      const left = processes.treeOf(launch.instance).length;
      void later(1, () => reports.exited(supervisor.unseen(launch.instance), left === 0));
      return false;
    });
  }

  async function seek(launch: Launch, reports: Reports): Promise<EngineIdentity | null> {
    await later(random.between(5, 40), () => undefined);
    const leader = processes.treeOf(launch.instance).find(({ isLeader }) => isLeader);
    if (leader === undefined) {
      // Whoever writes the replica's log goes, of whatever launch.
      const until = machine.now + 5_000;
      while (killAll(processes.writersOf(launch.key)).length > 0 && machine.now < until) await later(50, () => undefined);
      for (const each of processes.writersOf(launch.key)) watch.abandoned(each.instance);
      return null;
    }
    const identity = { pid: leader.pid, startTicks: leader.startTicks, instance: launch.instance, logOffset: 0 };
    await adopt(launch, identity, reports);
    return identity;
  }

  function killAll(tree: readonly Process[]): readonly Process[] {
    for (const each of tree) processes.kill(each);
    return tree;
  }

  return {
    record: () => (supervisor.alive ? supervisor.registry.flush() : never()),
    touch: () => supervisor.registry.touch(),
    verify: ({ spec }) => {
      // A digest is counted for as long as the file is big.
      const slow = random.chance(0.15);
      if (slow) watch.count('a model is looked at for long');
      return later(slow ? random.exponential(5 * 60_000) : random.between(2, 400), () => looked(spec, random));
    },
    check: async (launch, tell) => {
      if (random.chance(0.02)) {
        watch.count('a model is fetched');
        const totalBytes = 1 + random.below(8);
        const pieces = random.chance(0.2) ? totalBytes / 2 : totalBytes;
        for (let doneBytes = 1; doneBytes <= pieces; doneBytes += 1) {
          await later(random.between(10, 70_000), () => undefined);
          tell({ file: 'm.gguf', doing: 'fetch', doneBytes, totalBytes, leftMs: null, note: null, shared: false });
        }
        if (pieces < totalBytes) return failedCheck({ what: 'download', text: 'the connection was cut' });
      }
      const hangs = random.chance(0.001);
      if (hangs) watch.count('a check hangs');
      return later(hangs ? 90_000 : random.between(3, 60), () => ({
        obstacles: obstacles(launch),
        startupDeadlineMs: launch.spec.health.startupDeadlineMs === 'auto' ? 120_000 : launch.spec.health.startupDeadlineMs,
        portKnownFree: random.chance(0.9),
        modelBytes: null,
        listed: true,
      }));
    },
    spawn,
    seek,
    adopt,
    probe: (launch, identity, wish) => {
      const process = processes.find(identity);
      const { ms, look } = probe(process, launch, wish, machine, random);
      const begunAt = machine.now;
      return later(ms, () => (supervisor.wasDisturbed(begunAt) || random.chance(0.0005) ? unfinished : look()));
    },
    generate: (launch, timeoutMs) => {
      const { ms, look } = token(leaderOf(launch), timeoutMs, random);
      const begunAt = machine.now;
      return later(ms, () => (supervisor.wasDisturbed(begunAt) ? { verdict: 'unknown', detail: 'stalled' } : look()));
    },
    poll: (launch) => {
      const leader = leaderOf(launch);
      const answer = (): ReturnType<typeof told> =>
        leader === null ? { inflight: null, canTell: launch.spec.engine !== 'command' } : told(leader, machine.now, random);
      return later(random.between(1, 20), () => ({ ...answer(), counters: null }));
    },
    observe: () => {
      const askedAt = machine.monotonicMs;
      // Of what happened while it looked, it may have seen this or that.
      const seen = machine.gpus.observe([...processes.living.values()], askedAt, machine.now);
      return later(random.between(5, 400), () => seen);
    },
    signal(launch, identity, rung) {
      if (!supervisor.alive) return;
      watch.signalled(launch, processes.find(identity), rung);
      if (rung === 'kill') killAll(processes.treeOf(launch.instance));
      else for (const each of processes.groupOf(identity.pid)) if (each.instance === launch.instance) processes.term(each);
    },
    sweep: (launch, _, mode) =>
      later(mode === 'strays' ? 60 : random.between(1, 30), () => {
        const tree = mode === 'look' ? processes.treeOf(launch.instance) : killAll(processes.treeOf(launch.instance));
        return tree.map(({ pid }) => pid);
      }),
    writeHandoff(launch, facts) {
      if (supervisor.alive) machine.handoffs.set(launch.key, { launch, facts });
    },
    removeHandoff(key) {
      if (supervisor.alive) machine.handoffs.delete(key);
    },
    end: (exit) => supervisor.end(exit),
  };

  function failedCheck(obstacle: Obstacle): Awaited<ReturnType<Hands['check']>> {
    return { obstacles: [obstacle], startupDeadlineMs: 0, portKnownFree: false, modelBytes: null, listed: true };
  }

  function leaderOf({ instance }: Launch): Process | null {
    return processes.treeOf(instance).find(({ isLeader }) => isLeader) ?? null;
  }
}

/** What a dead supervisor was about to do. */
function never<T>(): Promise<T> {
  return new Promise(() => {});
}
