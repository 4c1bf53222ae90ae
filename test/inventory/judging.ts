/** Inventories judged without a machine or with a made one, and what must hold of every problem whatever. */

import { expect } from 'vitest';
import type { Device } from '../../src/core/model.js';
import type { Surroundings } from '../../src/inventory/draft.js';
import { type Loaded, loadInventory } from '../../src/inventory/load.js';
import type { Problem } from '../../src/inventory/problem.js';
import { renderProblems } from '../../src/inventory/render.js';
import { displayWidth } from '../../src/text/width.js';

/** A machine without devices, of which nothing else is known. */
export const nowhere: Surroundings = {
  devices: { devices: [], tool: 'none', note: 'no nvidia-smi on PATH', processes: null, askedAt: 0 },
  env: {},
  knownUser: null,
  nameInModel: null,
  directory: '/etc/poolctl',
  home: '/home/me',
};

export const withDevices = (...devices: readonly Device[]): Partial<Surroundings> => ({
  devices: { devices, tool: 'working', note: null, processes: null, askedAt: 0 },
});

export function judge(text: string, more: Partial<Surroundings> = {}): Loaded {
  return loadInventory({ path: '/etc/poolctl/pools.yaml', shown: 'pools.yaml', text }, { ...nowhere, ...more });
}

/** `6:5 UNKNOWN_KEY` of each error, in order. */
export const errorsOf = (text: string, more: Partial<Surroundings> = {}): readonly string[] =>
  judge(text, more)
    .problems.filter(({ severity }) => severity === 'error')
    .map(({ line, column, code }) => `${line}:${column} ${code}`);

/** Either it can be used, or an error says why not; and each problem points into the line that it quotes, also when it is shown. */
export function expectSound(text: string, { inventory, problems }: Loaded): string {
  expect(inventory === null).toBe(problems.some(({ severity }) => severity === 'error'));
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (const problem of problems) expectPlaced(problem, lines);
  const shown = renderProblems(problems, 'pools.yaml', null);
  expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  return shown;
}

function expectPlaced(problem: Problem, lines: readonly string[]): void {
  const { line, column, excerpt } = problem;
  if (line === null || column === null || excerpt === null) {
    expect(problem).toMatchObject({ line: null, column: null, excerpt: null, code: 'FILE_NOT_FOUND' });
    return;
  }
  const written = lines[line - 1] ?? '';
  expect(line).toBeLessThanOrEqual(lines.length);
  expect(excerpt.lineNumber).toBe(line);
  expect(excerpt.line.length).toBe(written.length);
  expect(excerpt.start).toBeLessThanOrEqual(written.length);
  expect(excerpt.start + excerpt.length).toBeLessThanOrEqual(Math.max(written.length, excerpt.start + 1));
  if (excerpt.start <= 1000) expect(column).toBe([...written.slice(0, excerpt.start)].length + 1);
  const [, quotedLine = '', carets = ''] = renderProblems([{ ...problem, hint: null }], 'pools.yaml', null).split('\n');
  expect(quotedLine.indexOf('|')).toBe(carets.indexOf('|'));
  const before = /^[^^]*/.exec(carets.slice(carets.indexOf('|') + 2))?.[0] ?? '';
  expect(before.replaceAll(/[ \t]/g, '')).toBe('');
  if (excerpt.start <= 160) {
    const shownBefore = excerpt.line.slice(0, excerpt.start);
    expect(before.length - (before.match(/\t/g)?.length ?? 0)).toBe(
      displayWidth(shownBefore.replaceAll('\t', '').replace(/[\u0000-\u001f]/g, '?')),
    );
    expect(before.match(/\t/g)?.length ?? 0).toBe(shownBefore.match(/\t/g)?.length ?? 0);
  }
}

/** Every key that there is, each with another value than its default. */
export const everyKey = `version: 1
supervisor:
  listen: 127.0.0.1:9200
  token_file: ~/token
  allow_downloads: true
  ports: 20000-20999
  shutdown_deadline: 1m
  adopt: false
  loads: { per_device: 2, total: 8 }
  log: { format: json, level: debug }
  events: { max_size: 1MiB, keep: 1 }
  device_poll: 10s
  engine_poll: null
  device_storm: { limit: 3, window: 30s }
defaults:
  autostart: false
pools:
  chat:
    engine: llamacpp
    model: models/a.gguf
    model_digest: SHA256:ABCDEFabcdef0123456789abcdef0123456789abcdef0123456789abcdef0123
    model_id: a
    device_masks: [0, [1, 2], "3,4", GPU-8932f937, cpu]
    share: true
    tensor_split: null
    vram: 9GiB
    host_memory: 512MiB
    binary: ./llama-server
    command: null
    args: [--ctx-size, "4096", "\${PORT}"]
    env: { PLAIN: text, EMPTY: "", TOKEN: { from_env: OTHER } }
    workdir: work
    user: null
    isolate: { no_new_privs: false, drop_capabilities: false, die_with_supervisor: true }
    host: 0.0.0.0
    port: 9000
    slots: 4
    autostart: true
    health:
      path: /healthz
      listener: "off"
      startup_interval: 1s
      startup_deadline: 10m
      interval: 1s
      timeout: 500ms
      failure_threshold: 5
      success_threshold: 2
      restart_after: never
      min_uptime: 0s
      generate: { every: 1m, timeout: 10s }
    stop: { signal: SIGINT, grace: 1h30m }
    drain: { deadline: 0s, inflight: "off" }
    reload: { strategy: rolling, min_healthy: 1.5s }
    restart:
      policy: always
      backoff: { initial: 2s, factor: 1.5, max: 30s, min: 0ms, jitter: 0, reset_after: 1m, cuda_multiplier: 1 }
      breaker: { threshold: 3, open_for: 1m, extend_factor: 3, max_open_for: 2h, close_after: 30s, cuda_threshold: 2 }
      storm: { limit: 5, window: 2m, warn_at: 0, trip: { count: 3, window: 10s }, reset_after: 5m }
    logs: { max_size: 1GiB, keep: 0 }
`;
