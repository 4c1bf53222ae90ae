/** The judges of a run of chaos, each shown something that is right and something that is wrong. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Excuses } from './excuses.js';
import { Goals } from './goals.js';
import { Growth } from './growth.js';
import { LeaseBook } from './lease-book.js';
import { policy } from './pools.js';
import { Restarts } from './restarts.js';
import type { Engine } from './witness.js';

const engine = (more: Partial<Engine> = {}): Engine => {
  const now = performance.now();
  return {
    ...{ instance: 'i', key: 'chat/r0', pid: 1, startTicks: 1, port: 1, model: 'hf:demo/one', mask: [] },
    ...{ bornAt: now - 60_000, aliveAt: now, goneAt: null },
    ...more,
  };
};
const dead = (more: Partial<Engine> = {}): Engine => engine({ goneAt: performance.now(), ...more });
const book = () => {
  const told: string[] = [];
  const excuses = new Excuses();
  return { told, excuses, leases: new LeaseBook(excuses, (text) => told.push(text)) };
};
const hour = 3_600_000;

describe('excuses', () => {
  it('are for the replicas that they name, and from then on', () => {
    const { excuses } = book();
    const before = dead({ goneAt: performance.now() - 10, aliveAt: performance.now() - 20 });
    excuses.open('stop', ['chat/r0'], 0);
    expect(excuses.of(dead())).toBe('stop');
    expect(excuses.of(before)).toBeNull();
    expect(excuses.of(dead({ key: 'chat/r1' }))).toBeNull();
  });

  it('do not cut leases before their deadline', () => {
    const { excuses } = book();
    excuses.open('drain', ['chat/r0'], hour);
    expect(excuses.of(dead())).toBe('drain');
    expect(excuses.of(dead(), true)).toBeNull();
  });

  it('let a change that its supervisor did not finish cut leases, and a drain not', () => {
    const { excuses } = book();
    excuses.open('drain', ['chat/r0'], hour);
    excuses.open('reload', ['chat/r1'], hour, true);
    const reloading = { key: 'chat/r1' };
    expect(excuses.of(dead(reloading), true)).toBeNull();
    excuses.supervisorGone();
    expect(excuses.of(dead(reloading), true)).toBe('reload');
    expect(excuses.of(dead(), true)).toBeNull();
  });

  it('end some time after what they stand for has ended', () => {
    const { excuses } = book();
    const excuse = excuses.open('stop', ['chat/r0'], 0);
    excuses.close(excuse);
    const later = performance.now() + hour;
    expect(excuses.of(engine({ aliveAt: later, goneAt: later }))).toBeNull();
  });

  it('count what was done to an engine for its whole life, and for its successor not at all', () => {
    const { excuses } = book();
    excuses.fault('hang', 'chat/r0', performance.now());
    const later = performance.now() + hour;
    expect(excuses.of(engine({ aliveAt: later, goneAt: later }), true)).toBe('hang');
    expect(excuses.of(engine({ bornAt: later, aliveAt: later, goneAt: later }))).toBeNull();
  });
});

describe('the book of leases', () => {
  const lease = (of: Engine, id = 'a', until = performance.now() + hour) => ({ id, key: of.key, engine: of, until });

  it.each([
    ['held, and nothing was asked for', () => {}, 1],
    [
      'held, and a deadline has not passed',
      ({ excuses }: ReturnType<typeof book>) => void excuses.open('drain', ['chat/r0'], hour),
      1,
    ],
    ['held, and it was stopped', ({ excuses }: ReturnType<typeof book>) => void excuses.open('stop', ['chat/r0'], 0), 0],
    ['given back', ({ leases }: ReturnType<typeof book>) => leases.returned('a'), 0],
    ['over', ({ leases }: ReturnType<typeof book>) => leases.renewed('a', performance.now() - 1), 0],
    ['lost with its supervisor', ({ leases }: ReturnType<typeof book>) => leases.lostAll(), 0],
  ])('an engine ends while a lease on it is %s', (_, happens, violations) => {
    const all = book();
    const served = engine();
    all.leases.granted(lease(served));
    happens(all);
    served.goneAt = performance.now();
    all.leases.died(served);
    expect(all.told).toHaveLength(violations);
  });

  it('knows how many slots there are', () => {
    const { told, leases } = book();
    const served = engine();
    for (const id of ['a', 'b']) leases.granted(lease(served, id));
    expect(told).toEqual([]);
    leases.granted(lease(served, 'c'));
    expect(told).toEqual(['chat/r0 has 2 slots, and 3 leases of them are held at the same time']);
  });
});

describe('restarts', () => {
  const seen = (before: Partial<Engine> = {}) => {
    const { told, excuses } = book();
    const restarts = new Restarts(excuses, (text) => told.push(text));
    restarts.born(engine({ aliveAt: performance.now() - policy.backoffMinMs / 2, ...before }));
    return { told, excuses, restarts, born: () => restarts.born(engine({ pid: 2, instance: 'j' })) };
  };

  it('come no sooner than their backoff lets them', () => {
    const { told, born } = seen();
    born();
    expect(told).toEqual([
      expect.stringMatching(/^chat\/r0 pid 2 .* was launched at most \d+ ms after pid 1 died, and nobody asked$/),
    ]);
    const later = seen({ aliveAt: performance.now() - policy.backoffMinMs });
    later.born();
    expect(later.told).toEqual([]);
  });

  it('come at once where somebody asked for them, or for the end of the one before', () => {
    const started = seen();
    started.restarts.asked(['chat/r0']);
    started.born();
    const reloaded = seen();
    reloaded.excuses.open('reload', ['chat/r0'], hour);
    reloaded.born();
    const succeeded = seen();
    succeeded.restarts.forget();
    succeeded.born();
    expect([...started.told, ...reloaded.told, ...succeeded.told]).toEqual([]);
  });
});

describe('the goals', () => {
  it('are in doubt where another wish may have cancelled a restart, but for what was asked since', () => {
    const goals = new Goals(() => {});
    for (const key of ['chat/r0', 'chat/r1']) goals.set(key, 'up', 'restart chat {}');
    goals.set('chat/r1', 'down', 'drain');
    goals.uncertain(['chat/r0', 'chat/r1']);
    expect([goals.of('chat/r0'), goals.of('chat/r1')]).toEqual([null, 'down']);
  });

  const judged = (more: Partial<Engine>, steadyMs: number, at: number, of: (goals: Goals) => void = () => {}) => {
    const told: string[] = [];
    const goals = new Goals((text) => told.push(text));
    goals.set('chat/r0', 'down', 'stop chat/r0', 1_000);
    of(goals);
    goals.judge([engine(more)], steadyMs, at);
    return told.length;
  };
  const late = (): number => performance.now() + 5_000;

  it('an engine that was to go is still there', () => expect(judged({}, hour, late())).toBe(1));
  it('it has time yet', () => expect(judged({}, hour, performance.now())).toBe(0));
  it('nobody was there to end it', () => expect(judged({}, 500, late())).toBe(0));
  it('it is another one', () => expect(judged({ key: 'chat/r1' }, hour, late())).toBe(0));
  it('it was started since', () => expect(judged({}, hour, late(), (goals) => goals.set('chat/r0', 'up', 'start'))).toBe(0));
  it('a start was refused since', () =>
    expect(judged({}, hour, late(), (goals) => goals.asking(['chat/r0'], 'start')())).toBe(1));
  it('a start may have been heard', () =>
    expect(judged({}, hour, late(), (goals) => void goals.asking(['chat/r0'], 'start'))).toBe(0));
});

it('growth is told where the memory of one supervisor goes up and up', () => {
  const growth = (mib: (n: number) => number) => {
    const all = new Growth();
    for (let n = 0; n < 20; n += 1) all.note({ generation: 1, rssBytes: mib(n) * 2 ** 20, descriptors: 30 });
    return all.memoryLeak();
  };
  expect(growth((n) => 90 + (n % 3))).toBeNull();
  expect(growth((n) => 90 + Math.min(n, 5) * 20)).toBeNull();
  expect(growth((n) => 90 + 4 * n)).toMatch(/has grown by \d+ MiB/);
});

it('descriptors that stay open are told', () => {
  const all = new Growth();
  for (const descriptors of [30, 33, 60]) all.note({ generation: 1, rssBytes: 1, descriptors });
  expect(all.descriptorLeak()).toBe('the supervisor has 60 descriptors open in a calm, and had 30 in the first one');
});

it('a mistake on the command line is told', async () => {
  const script = fileURLToPath(new URL('../../scripts/chaos.mjs', import.meta.url));
  const refused = (...args: readonly string[]) =>
    new Promise((resolve) => execFile(process.execPath, [script, ...args], (error) => resolve(error?.code)));
  expect(await refused('--broken', 'nothing')).toBe(2);
  expect(await refused('--minutes', 'soon')).toBe(2);
  expect(await refused('--what')).toBe(2);
});
