/** Real commands under leases of a stand-in for the supervisor. What a command is to wait for is a file. */

import { EventEmitter } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { runUnder, type Under } from '../../commands/lease/under.js';
import { PoolctlError } from '../../src/errors.js';
import { scratchDir } from '../host/scratch.js';
import { leaseView } from '../rig/views.js';

const gone = new PoolctlError('LEASE_NOT_FOUND', 'cannot renew lease "l-1": there is no such lease');
const away = new PoolctlError('NO_SUPERVISOR', 'cannot renew the lease: no poolctl supervisor is running');
const untilThere = 'while [ ! -e go ]; do sleep 0.01; done';

async function bench(script: string | readonly string[], more: Partial<Under> = {}) {
  const dir = await scratchDir();
  const path = (name: string): string => join(dir, name);
  const signals = new EventEmitter();
  const told: string[] = [];
  const client = {
    renewLease: vi.fn<Under['client']['renewLease']>(async () => leaseView()),
    releaseLease: vi.fn<Under['client']['releaseLease']>(async () => undefined),
  };
  const run = () =>
    runUnder({
      client,
      lease: leaseView(),
      argv: typeof script === 'string' ? ['sh', '-c', `cd '${dir}' && ${script}`] : script,
      env: { PATH: process.env.PATH },
      renewEveryMs: 20,
      signals,
      reachedBoth: () => false,
      tell: (text) => told.push(text),
      ...more,
    });
  const released = () => client.releaseLease.mock.calls.map(([id]) => id);
  return { path, signals, told, client, run, released, go: () => writeFileSync(path('go'), '') };
}

describe('the command', () => {
  it('knows where to send its requests, and its status is returned', async () => {
    const { run, path, released, signals } = await bench('echo "$POOLCTL_URL $POOLCTL_LEASE_ID" > said; exit 3');
    expect(await run()).toBe(3);
    expect(readFileSync(path('said'), 'utf8')).toBe('http://127.0.0.1:18100 l-1\n');
    expect(released()).toEqual(['l-1']);
    expect(signals.eventNames()).toEqual([]);
  });

  it('that dies of a signal gives 128 and its number', async () => {
    const { run, released } = await bench('kill -KILL $$');
    expect(await run()).toBe(137);
    expect(released()).toEqual(['l-1']);
  });

  it.each([
    ['is not there', '/nowhere/at/all', 127, 'there is no such program'],
    ['has no name', '', 127, 'there is no such program'],
    ['may not be executed', '/etc/passwd', 126, 'it may not be executed'],
  ])('that %s is told of, and nothing is kept', async (_, program, exit, words) => {
    const { run, released } = await bench([program]);
    await expect(run()).rejects.toMatchObject({
      code: 'SPAWN_FAILED',
      message: `cannot run "${program}": ${words}`,
      more: { exit },
    });
    expect(released()).toEqual(['l-1']);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)('gets %s that we got', async (signal) => {
    const { run, signals, client, path } = await bench(`trap 'exit 5' ${signal.slice(3)}; : > trapped; ${untilThere}`);
    client.renewLease.mockImplementation(async () => {
      if (existsSync(path('trapped'))) signals.emit(signal, signal);
      return leaseView();
    });
    expect(await run()).toBe(5);
  });

  it('gets no second one of what the terminal has sent to both', async () => {
    const { run, signals, client, path } = await bench(`trap 'exit 5' INT; trap 'exit 6' TERM; : > trapped; ${untilThere}`, {
      reachedBoth: (signal) => signal === 'SIGINT',
    });
    client.renewLease.mockImplementation(async () => {
      if (existsSync(path('trapped'))) for (const signal of ['SIGINT', 'SIGTERM']) signals.emit(signal, signal);
      return leaseView();
    });
    expect(await run()).toBe(6);
  });

  it('is not parted from its lease by a second Ctrl-C, which comes while the lease is given back', async () => {
    const { run, signals, client } = await bench('exit 0');
    const heard: number[] = [];
    client.releaseLease.mockImplementation(async () => {
      heard.push(signals.listenerCount('SIGINT'));
      signals.emit('SIGINT', 'SIGINT');
    });
    expect(await run()).toBe(0);
    expect(heard).toEqual([1]);
  });
});

describe('the lease', () => {
  it('is renewed as long as the command lives, and not after', async () => {
    const { run, client, go } = await bench(untilThere);
    client.renewLease.mockImplementation(async () => {
      if (client.renewLease.mock.calls.length === 3) go();
      return leaseView();
    });
    expect(await run()).toBe(0);
    const renewed = client.renewLease.mock.calls.length;
    expect(renewed).toBeGreaterThanOrEqual(3);
    expect(client.renewLease.mock.invocationCallOrder.at(-1)).toBeLessThan(
      client.releaseLease.mock.invocationCallOrder[0] ?? Number.NaN,
    );
  });

  it('that is lost is told of once, and the command goes on', async () => {
    const { run, client, go, told } = await bench(`${untilThere}; exit 4`, { renewEveryMs: 1 });
    client.renewLease.mockImplementation(async () => {
      // The shell looks for this every 10 ms: whoever went on asking would ask again before the end.
      go();
      throw gone;
    });
    expect(await run()).toBe(4);
    expect(client.renewLease).toHaveBeenCalledTimes(1);
    expect(told).toEqual([
      'lease l-1 of chat/r0 is lost: it expired, or its engine or supervisor has ended; sh goes on without it\n',
    ]);
  });

  it('waits for a supervisor that is away, and tells each absence once', async () => {
    const { run, client, go, told } = await bench(untilThere);
    const answers = [away, away, null, away, away];
    client.renewLease.mockImplementation(async () => {
      const answer = answers.shift() ?? null;
      if (answers.length === 0) go();
      if (answer !== null) throw answer;
      return leaseView();
    });
    expect(await run()).toBe(0);
    const absence = `lease l-1 of chat/r0 cannot be renewed: ${away.message}; tried again every 20ms\n`;
    expect(told).toEqual([absence, absence]);
  });

  it('does not wait for a supervisor that does not answer', async () => {
    const { run, client, go, told } = await bench(untilThere);
    client.renewLease.mockImplementation(
      (_id, _ttl, signal) =>
        new Promise((_, reject) => {
          if (client.renewLease.mock.calls.length === 3) go();
          signal?.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    expect(await run()).toBe(0);
    expect(told).toEqual(['lease l-1 of chat/r0 cannot be renewed: the supervisor does not answer; tried again every 20ms\n']);
  });

  it('that cannot be given back is told of, but where there is no supervisor', async () => {
    const one = await bench('exit 3');
    one.client.releaseLease.mockRejectedValue(new PoolctlError('INTERNAL', 'cannot answer'));
    expect(await one.run()).toBe(3);
    expect(one.told).toEqual(['lease l-1 could not be given back: cannot answer; it expires by itself\n']);
    const other = await bench('exit 3');
    other.client.releaseLease.mockRejectedValue(away);
    expect(await other.run()).toBe(3);
    expect(other.told).toEqual([]);
  });
});
