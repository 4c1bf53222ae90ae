import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../src/inventory/load.js';
import { renderProblems } from '../../src/inventory/render.js';
import fc from '../rig/chance.js';

const load = (text: string) =>
  loadInventory(
    { path: '/etc/poolctl/pools.yaml', shown: 'pools.yaml', text },
    {
      devices: { devices: [], tool: 'none', note: 'no nvidia-smi', processes: null, askedAt: 0 },
      env: {},
      knownUser: null,
      nameInModel: null,
      directory: '/etc/poolctl',
      home: '/home/me',
    },
  );

it('reads the shipped inventory without a word', () => {
  const { inventory, problems } = load(readFileSync(new URL('../../pools.yaml', import.meta.url), 'utf8'));
  expect(problems).toEqual([]);
  expect(inventory?.pools).toMatchObject([
    { poolId: 'demo', engine: 'demo', masks: [{ kind: 'cpu' }, { kind: 'cpu' }, { kind: 'cpu' }] },
  ]);
});

it('fills in every default, and inherits key by key', () => {
  const text = `version: 1
defaults: { drain: { deadline: 2m }, health: { interval: 1s } }
pools:
  chat: { model: models/a.gguf, device_masks: [cpu], health: { timeout: 500ms }, args: [-c, "4096"] }`;
  const { inventory, problems } = load(text);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(inventory?.pools[0]).toMatchObject({
    engine: 'llamacpp',
    model: '/etc/poolctl/models/a.gguf',
    port: 'auto',
    drain: { deadlineMs: 120_000, inflight: 'auto' },
    health: { intervalMs: 1_000, timeoutMs: 500, failureThreshold: 3, restartAfterMs: 60_000, startupDeadlineMs: 'auto' },
    restart: { backoff: { initialMs: 1_000, maxMs: 60_000 } },
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
  });
  expect(inventory?.supervisor).toMatchObject({
    ports: { from: 18_100, to: 18_999 },
    loads: { perDevice: 1, total: 4 },
    enginePollMs: 10_000,
  });
});

describe('mistakes', () => {
  it('are all told at once, by position, with carets', () => {
    const text = `version: 1
pools:
  chat:
    engine: command
    command: [serve]
    modle: /models/a.gguf
    device_masks: [cpu]
    port: 99999
    stop: { grace: 5 }
  UP: { engine: demo }
  code: { engine: demo, device_masks: [7] }
`;
    const { inventory, problems } = load(text);
    expect(inventory).toBeNull();
    const errors = problems.filter(({ severity }) => severity === 'error');
    expect(errors.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '6 UNKNOWN_KEY',
      '8 INVALID_VALUE',
      '9 WRONG_TYPE',
      '10 INVALID_VALUE',
      '11 UNKNOWN_DEVICE',
    ]);
    const shown = renderProblems(errors, 'pools.yaml', 'Nothing was started.');
    expect(shown).toContain(
      'pools.yaml:6:5: error: unknown key "modle" in pools.chat  [UNKNOWN_KEY]\n  6 |     modle: /models/a.gguf\n    |     ^^^^^ did you mean "model"?\n',
    );
    expect(shown).toMatch(/\n5 errors in pools\.yaml\. Nothing was started\.\n$/);
  });

  it('of a file that is empty are told without a position', () => {
    expect(renderProblems(load('  \n').problems, 'pools.yaml', null)).toMatch(/^pools\.yaml: error: /);
  });
});

it('takes any bytes whatever without a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const { inventory, problems } = load(Buffer.from(bytes).toString('utf8'));
      expect(inventory !== null || problems.length > 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it('is not blown up by aliases, nor by depth', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, n) => `${'bcdefghij'[n]}: &${'bcdefghij'[n]} [${`*${'abcdefghi'[n]},`.repeat(9)}]`).join('\n')}`;
  expect(load(bomb).inventory).toBeNull();
  expect(load('['.repeat(100_000)).inventory).toBeNull();
});
