/** Real engines outlive their supervisor. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyModel } from '../rig/gguf.js';
import { isAlive, openStream, pidOf } from './engine.js';
import { Supervisor } from './supervisor.js';

const llamaServer = process.env.LLAMA_SERVER ?? '';

describe.skipIf(llamaServer === '')('three llama-servers whose supervisor is killed', () => {
  let supervisor: Supervisor;
  const replicas = ['chat/r0', 'chat/r1', 'chat/r2'] as const;

  beforeAll(async () => {
    supervisor = await Supervisor.begin((directory) => ({
      version: 1,
      supervisor: { ports: '28300-28399' },
      pools: {
        chat: {
          binary: llamaServer,
          model: writeTinyModel(join(directory, 'chat.gguf'), { layers: 2 }),
          args: ['-t', '1', '-c', '32768', '--parallel', '1'],
          device_masks: ['cpu', 'cpu', 'cpu'],
          health: { startup_interval: '50ms', interval: '1s' },
          stop: { grace: '1s' },
        },
      },
    }));
    await supervisor.poolctl('wait', 'all', '--for', 'ready', '--timeout', '30s');
  });
  afterAll(() => supervisor.dispose());

  it('go on serving, and the next one takes them over', async () => {
    const before = await Promise.all(replicas.map((key) => supervisor.replica(key)));
    const { answer } = await openStream(`${before[0]?.url}/completion`);
    let tokens = 0;
    answer.on('data', () => {
      tokens += 1;
    });
    const closed = new Promise((resolve) => answer.once('close', resolve));

    supervisor = await supervisor.replaced();
    for (const key of replicas) await supervisor.event('replica.ready', { replica: key });
    const after = await Promise.all(replicas.map((key) => supervisor.replica(key)));
    expect(after).toMatchObject(
      before.map(({ pid, port, incarnation, engine_version, started_at }) => ({
        ...{ pid, port, incarnation, engine_version, started_at },
        state: 'ready',
        adopted: true,
        crashes_total: 0,
      })),
    );

    // The client that was being answered is answered still.
    const then = tokens;
    await new Promise<void>((resolve) => answer.once('data', () => resolve()));
    expect(tokens).toBeGreaterThan(then);
    expect(await Promise.race([closed, Promise.resolve('open')])).toBe('open');
    answer.destroy();
  });

  it('one that dies then is brought back by the new one', async () => {
    const before = await supervisor.replica('chat/r1');
    process.kill(pidOf(before), 'SIGKILL');
    const since = supervisor.mark;
    await supervisor.event('replica.ready', { replica: 'chat/r1', since });
    expect(await supervisor.replica('chat/r1')).toMatchObject({
      state: 'ready',
      adopted: false,
      incarnation: 2,
      restarts_total: 1,
      last_exit: { code: null, signal: null },
    });
  });

  it('and down ends them all', async () => {
    const pids = await Promise.all(replicas.map(async (key) => (await supervisor.replica(key)).pid));
    expect((await supervisor.poolctl('down')).code).toBe(0);
    expect(await supervisor.ended).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(supervisor.leftFiles()).toEqual([]);
  });
});
