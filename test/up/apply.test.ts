/** A file that is read anew, held against what runs: the plan as people and programs get it. */

import { describe, expect, it, test } from 'vitest';
import type { Inventory, PoolSpec } from '../../src/core/model.js';
import type { Examination } from '../../src/inventory/report.js';
import { rereadInto } from '../../src/up/apply.js';
import { judge } from '../inventory/judging.js';
import { beginning } from '../rig/specs.js';

const head = 'version: 1\ndefaults: { engine: demo, device_masks: [cpu] }\n';
const read = (text: string): Examination => ({ ...judge(`${head}${text}`), file: 'pools.yaml', devices: null });
const inventoryFrom = (text: string): Inventory => {
  const { inventory, problems } = read(text);
  if (inventory === null) throw new Error(JSON.stringify(problems));
  return inventory;
};
/** What the plan says of a file after another. */
const plan = (before: string, after: string) => {
  const found = rereadInto(read(after), beginning({ inventory: inventoryFrom(before), now: 0 }));
  if (!found.ok) throw new Error(found.first);
  return found.view;
};
const reasons = (before: string, after: string): readonly string[] =>
  plan(`pools: { chat: ${before} }`, `pools: { chat: ${after} }`).plan[0]?.reasons ?? [];

it('says of each pool what becomes of it, in the order of the file, and what is gone last', () => {
  expect(
    plan(
      'pools:\n  gone: { drain: { deadline: 90s } }\n  chat: {}\n  code: {}\n',
      'pools:\n  code: { slots: 3 }\n  new: {}\n  chat: {}\n',
    ),
  ).toEqual({
    changed: true,
    plan: [
      {
        pool_id: 'code',
        action: 'live-update',
        reasons: ['slots: auto -> 3 (pools.yaml:4:18), and its engines are told at their next start'],
      },
      { pool_id: 'new', action: 'start', reasons: ['new in the file'] },
      { pool_id: 'chat', action: 'keep', reasons: [] },
      { pool_id: 'gone', action: 'stop', reasons: ['not in the file any more; drained first, up to 1m30s'] },
    ],
  });
});

describe('a reason', () => {
  test.each([
    ['a key', '{}', '{ port: 9000 }', ['port: auto -> 9000 (pools.yaml:3:24)']],
    [
      'one that is left to its default again stands where the pool does',
      '{ port: 9000 }',
      '{ }',
      ['port: 9000 -> auto (pools.yaml:3:10)'],
    ],
    ['a variable', '{}', '{ env: { A: b } }', ['env.A: added (pools.yaml:3:28)']],
    ['of one that is gone', '{ env: { A: b } }', '{ }', ['env.A: removed (pools.yaml:3:10)']],
    [
      'of slots that its arguments tell',
      '{ args: [--slots, "2"] }',
      '{ args: [--slots, "2"], slots: 5 }',
      ['slots: auto -> 5 (pools.yaml:3:47)'],
    ],
    [
      'of what only the next start reads',
      '{}',
      '{ autostart: false }',
      ['autostart: true -> false (pools.yaml:3:29), at the next poolctl up'],
    ],
    [
      'that restarts it comes before those that would not',
      '{}',
      '{ slots: 2, autostart: false, args: [-x] }',
      ['args: added -x (pools.yaml:3:52)', 'slots: auto -> 2 (pools.yaml:3:25)', 'autostart: true -> false (pools.yaml:3:39)'],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(reasons(before, after)).toEqual(expected);
  });

  it('stands in the defaults where the pool inherits it', () => {
    const before = inventoryFrom('pools: { chat: {} }\n');
    const text = 'version: 1\ndefaults: { engine: demo, device_masks: [cpu], stop: { grace: 9s } }\npools: { chat: {} }\n';
    const found = rereadInto({ ...judge(text), file: 'pools.yaml', devices: null }, beginning({ inventory: before, now: 0 }));
    expect(found).toMatchObject({ view: { plan: [{ reasons: ['stop.grace: 5s -> 9s (pools.yaml:2:63)'] }] } });
  });

  it('names the model of a reload that goes on standing', () => {
    const state = beginning({ inventory: inventoryFrom('pools: { chat: { model: /m/a } }\n'), now: 0 });
    const pool = state.pools.get('chat');
    if (pool === undefined) throw new Error('no pool');
    const file = { model: '/m/a', modelDigest: null };
    const chosen = { model: '/m/b', modelDigest: null, modelId: 'b' };
    const spec: PoolSpec = { ...pool.spec, ...chosen };
    const reloaded = {
      ...state,
      pools: new Map([['chat', { ...pool, spec, override: { chosen, file, since: { at: 0, wallMs: 0 } } }]]),
    };
    const planned = (text: string) => {
      const found = rereadInto(read(text), reloaded);
      return found.ok ? found.view.plan[0] : null;
    };
    expect(planned('pools: { chat: { model: /m/a } }\n')).toEqual({
      pool_id: 'chat',
      action: 'keep',
      reasons: ['runs /m/b by a reload; the file names /m/a'],
    });
    expect(planned('pools: { chat: { model: /m/c } }\n')).toMatchObject({
      action: 'restart',
      reasons: ['model: /m/b -> /m/c (pools.yaml:3:25)'],
    });
  });
});

describe('of the part of the supervisor', () => {
  it('it says what counts from now on, which is a change, and what at its next start', () => {
    const [before, pools] = ['supervisor: {}\n', 'pools: {}\n'];
    expect(
      plan(before + pools, `supervisor: { loads: { total: 2 }, device_poll: 1s, adopt: false, ports: 9000-9009 }\n${pools}`),
    ).toEqual({
      changed: true,
      plan: [],
      notes: ['ports', 'adopt', 'loads', 'device_poll'].map((key) => `supervisor.${key} has changed, and counts from now on`),
    });
    expect(
      plan(before + pools, `supervisor: { listen: "127.0.0.1:9", log: { level: warn }, events: { keep: 1 } }\n${pools}`),
    ).toEqual({
      changed: false,
      plan: [],
      notes: ['listen', 'log', 'events'].map((key) => `supervisor.${key} has changed, and takes effect at the next poolctl up`),
    });
    expect(plan(before + pools, before + pools)).toEqual({ changed: false, plan: [] });
  });
});

describe('a file with errors', () => {
  const state = beginning({ inventory: inventoryFrom('pools: {}\n'), now: 0 });

  it('is refused with all that is wrong with it, and the first in words', () => {
    const found = rereadInto(read('pools:\n  chat: { modle: x, port: 70000 }\n'), state);
    expect(found).toMatchObject({
      ok: false,
      first: 'pools.yaml:4:11: unknown key "modle" in pools.chat, and 1 more',
      problems: [{ code: 'UNKNOWN_KEY' }, { code: 'INVALID_VALUE' }],
    });
    expect(JSON.stringify(found)).not.toContain('excerpt');
  });

  it('does not count warnings', () => {
    const found = rereadInto(read('supervisor: { token_file: x }\npools:\n  chat: { modle: x }\n'), state);
    expect(found).toMatchObject({ ok: false, first: 'pools.yaml:5:11: unknown key "modle" in pools.chat' });
  });
});
