/** Reloads of real llama-servers under a load that never stops: nobody who holds a lease loses a request. */

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeaseView, PoolView } from '../../src/api/wire.js';
import { writeTinyModel } from '../rig/gguf.js';
import { isAlive } from './engine.js';
import { Supervisor } from './supervisor.js';

const llamaServer = process.env.LLAMA_SERVER ?? '';

describe.skipIf(llamaServer === '')('a reload', () => {
  let supervisor: Supervisor;
  const file = (name: string) => join(supervisor.directory, `${name}.gguf`);

  beforeAll(async () => {
    supervisor = await Supervisor.begin((directory) => {
      const model = writeTinyModel(join(directory, 'a.gguf'), { name: 'tiny-a', layers: 2 });
      writeTinyModel(join(directory, 'b.gguf'), { name: 'tiny-b', layers: 4 });
      const corrupt = join(directory, 'corrupt.gguf');
      writeFileSync(corrupt, readFileSync(model));
      truncateSync(corrupt, Math.round(readFileSync(model).length / 2));
      return {
        version: 1,
        supervisor: { ports: '28500-28599', engine_poll: '1s' },
        pools: {
          chat: {
            binary: llamaServer,
            model,
            args: ['-t', '1', '-c', '4096', '--parallel', '2'],
            device_masks: ['cpu', 'cpu'],
            health: { startup_interval: '50ms', interval: '1s' },
            stop: { grace: '1s' },
            reload: { strategy: 'rolling', min_healthy: '300ms' },
          },
        },
      };
    });
    expect((await supervisor.poolctl('wait', 'chat', '--for', 'ready', '--timeout', '60s')).code).toBe(0);
  });
  afterAll(() => supervisor.dispose());

  const pool = async (): Promise<PoolView> => {
    const [found] = (await supervisor.status()).pools;
    if (found === undefined) throw new Error('no pool');
    return found;
  };
  const placesOf = ({ replicas }: PoolView) =>
    replicas.map(({ replica_id, port, device_mask }) => ({ replica_id, port, device_mask }));

  it('there and back, rolling: each request under a lease is answered whole', async () => {
    const before = await pool();
    const load = startLoad(supervisor, 3);
    for (const name of ['b', 'a', 'b']) {
      const { status, body } = await supervisor.reload('chat', file(name));
      expect([status, body]).toMatchObject([200, { outcome: 'reloaded', cut: 0 }]);
      const after = await pool();
      expect(after).toMatchObject({ state: 'ready', model_ref: file(name), restarts_total: 0, crashes_total: 0 });
      expect(placesOf(after)).toEqual(placesOf(before));
    }
    const { answered, failed, models } = await load.end();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(20);
    // Both models were leased by these clients: the pool has served all along.
    expect(models.size).toBeGreaterThanOrEqual(2);
    expect((await pool()).override).toMatchObject({ model_ref: file('b'), file_model_ref: file('a') });
  });

  it('to a corrupt model is rolled back, while the pool serves', async () => {
    const before = await pool();
    const load = startLoad(supervisor, 2);
    const { status, body } = await supervisor.reload('chat', file('corrupt'));
    expect([status, body]).toMatchObject([
      502,
      { error: { code: 'RELOAD_FAILED' }, operation: { outcome: 'rolled_back', cut: 0 } },
    ]);
    const { answered, failed } = await load.end();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    const after = await pool();
    expect(after).toMatchObject({ state: 'ready', model_ref: before.model_ref, crash_count: 0, restart_count: 0 });
    expect(placesOf(after)).toEqual(placesOf(before));
    // The second one never had its turn.
    expect(after.replicas[1]?.pid).toBe(before.replicas[1]?.pid);
  });

  it('to a model that is not there touches nothing', async () => {
    const before = await pool();
    const { status, body } = await supervisor.reload('chat', file('missing'));
    expect([status, body]).toMatchObject([422, { error: { code: 'MODEL_UNAVAILABLE' } }]);
    expect((await pool()).replicas.map(({ pid, incarnation }) => [pid, incarnation])).toEqual(
      before.replicas.map(({ pid, incarnation }) => [pid, incarnation]),
    );
  });

  it('outlives its supervisor', async () => {
    const before = await pool();
    supervisor = await supervisor.replaced();
    expect((await supervisor.poolctl('wait', 'chat', '--for', 'ready', '--timeout', '60s')).code).toBe(0);
    const after = await pool();
    expect(after.replicas.map(({ pid }) => pid)).toEqual(before.replicas.map(({ pid }) => pid));
    expect(after.replicas.every(({ pid, adopted }) => adopted && isAlive(pid))).toBe(true);
    expect(after.override).toMatchObject({ model_ref: file('b') });
  });
});

type Told = { readonly answered: number; readonly failed: readonly string[]; readonly models: ReadonlySet<string | null> };

/** Clients that each take a lease, make a request under it, and give it back, again and again. */
function startLoad(supervisor: Supervisor, clients: number): { end(): Promise<Told> } {
  let ending = false;
  let answered = 0;
  const failed: string[] = [];
  const models = new Set<string | null>();
  const client = async (): Promise<void> => {
    while (!ending) {
      const granted = await supervisor.call('POST', '/v2/pools/chat/leases', { ttl_ms: 60_000 });
      if (granted.status !== 201) continue;
      const { lease_id, url, model_id } = granted.body as LeaseView;
      models.add(model_id);
      const answer = await fetch(`${url}/completion`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'the', n_predict: 150, ignore_eos: true, stream: false }),
      })
        .then(async (response) => ({ status: response.status, said: (await response.json()) as { tokens_predicted?: number } }))
        .catch((error: unknown) => ({ status: 0, said: String(error) }));
      if (answer.status === 200 && typeof answer.said === 'object' && answer.said.tokens_predicted === 150) answered += 1;
      else failed.push(JSON.stringify(answer));
      await supervisor.call('DELETE', `/v2/leases/${lease_id}`);
    }
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return {
    async end() {
      ending = true;
      await running;
      return { answered, failed, models };
    },
  };
}
