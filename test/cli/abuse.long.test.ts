/** What anybody on the machine can do to a supervisor without being let in, and what a program gone wrong does to its API: the engines notice nothing. */

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dial, dialTcp, type Wire } from '../api/stand.js';
import { ask } from '../features/world/ask.js';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const port = 27399;
const asRoot = process.getuid?.() === 0;
const nobody = 65_534;

async function begin(): Promise<{ readonly socketPath: string; readonly supervisor: number }> {
  rig.inventory(`version: 1
supervisor: { listen: "127.0.0.1:${port}", ports: 27300-27309 }
pools:
  chat:
    engine: demo
    args: [--load-time, "0"]
    device_masks: [cpu]
    health: { startup_interval: 50ms }
    restart: { backoff: { initial: 10ms, min: 10ms } }
`);
  const { child } = await rig.up();
  expect((await rig.run('wait', 'chat', '--for', 'ready')).status).toBe(0);
  return { socketPath: join(rig.state, 'poolctl.sock'), supervisor: child.pid ?? 0 };
}

type Shown = { readonly pid: number; readonly incarnation: number; readonly state: string; readonly restarts_total: number };
const replica = async (): Promise<Shown> => (await rig.json('status', 'chat')).pools[0].replicas[0];
const isOpen = ({ socket }: Wire): boolean => !socket.destroyed;

it('brings an engine back while 2,000 connections say nothing, and 200 never come to the end of what they say', async () => {
  const { socketPath, supervisor } = await begin();
  const before = memoryKiB(supervisor);
  const slow: Wire[] = [];
  for (let n = 0; n < 100; n += 1) {
    slow.push(await dial({ socketPath }, 'GET /health HTTP/1.1\r\nHost: a\r\n'));
    slow.push(await dialTcp({ port }, 'POST /v2/shutdown HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{'));
  }
  const idle = await Promise.all(Array.from({ length: 2_000 }, () => dialTcp({ port })));
  // There is room for 256; the others are hung up on at once.
  await expect.poll(() => idle.filter(isOpen).length).toBeLessThanOrEqual(156);
  // Bytes that come in time do not make up for an end that does not.
  const drip = setInterval(() => {
    for (const [n, { socket }] of slow.entries()) if (socket.writable) socket.write(n % 2 === 0 ? 'x: y\r\n' : ' ');
  }, 500);
  const { pid } = await replica();
  process.kill(pid, 'SIGKILL');
  await expect.poll(async () => await replica()).toMatchObject({ incarnation: 2, state: 'ready', restarts_total: 1 });

  const [told] = await Promise.all([Promise.all(slow.map((wire) => wire.all())), Promise.all(idle.map((wire) => wire.all()))]);
  clearInterval(drip);
  for (const answer of told) expect(answer).toMatch(/^HTTP\/1\.1 400 .*it did not come whole in time/s);
  expect((await ask({ host: '127.0.0.1', port, path: '/health' })).status).toBe(200);
  expect(await replica()).toMatchObject({ incarnation: 2, state: 'ready' });
  expect(memoryKiB(supervisor) - before).toBeLessThan(64 * 1024);
});

const head = (line: string, ...headers: readonly string[]): string => [line, 'Host: localhost', ...headers, '', ''].join('\r\n');
const json = 'Content-Type: application/json';

it('refuses floods of headers and bodies without end, keeps none of it, and goes on', async () => {
  const { socketPath, supervisor } = await begin();
  const { pid } = await replica();
  const before = memoryKiB(supervisor);
  const many = Array.from({ length: 5_000 }, (_, n) => `X-${n}: y`);
  const floods: readonly (readonly [string, RegExp, boolean])[] = [
    [head('GET /health HTTP/1.1', ...many), /^HTTP\/1\.1 413 /, false],
    [head('GET /health HTTP/1.1', `X: ${'x'.repeat(1 << 20)}`), /^HTTP\/1\.1 413 /, false],
    [head(`GET /${'x'.repeat(1 << 20)} HTTP/1.1`), /^HTTP\/1\.1 413 /, false],
    [`${'\0\u0001\x16\x03\x01'.repeat(1 << 18)}`, /^HTTP\/1\.1 400 /, false],
    [head('POST /v2/shutdown HTTP/1.1', json, `Content-Length: ${1 << 30}`), /^HTTP\/1\.1 413 /, true],
    [head('POST /v2/shutdown HTTP/1.1', json, 'Transfer-Encoding: chunked'), /^HTTP\/1\.1 413 /, true],
    [head('POST /v2/shutdown HTTP/1.1', json, 'Transfer-Encoding: chunked') + 'f'.repeat(1 << 20), /^HTTP\/1\.1 400 /, false],
  ];
  for (const [text, refusal, endless] of floods)
    for (const wire of [await dial({ socketPath }, text), await dialTcp({ port }, text)]) {
      if (endless) pourInto(wire);
      // Whoever is hung up on while he talks may miss what he was told.
      expect(await wire.all()).toMatch(new RegExp(`^$|${refusal.source}`));
    }
  expect(await replica()).toMatchObject({ pid, state: 'ready', restarts_total: 0 });
  expect(memoryKiB(supervisor) - before).toBeLessThan(64 * 1024);
});

/** Chunks of 64 KiB for as long as somebody takes them. */
function pourInto({ socket }: Wire): void {
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
  const pour = (): void => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}

describe('another user of the machine', () => {
  it('cannot open the socket, wherever it is', async ({ skip }) => {
    if (!asRoot) skip('only root can ask as somebody else: run this test as root');
    rig.inventory('version: 1\npools: {}\n');
    const socketPath = join(rig.dir, 'open.sock');
    chmodSync(rig.dir, 0o755);
    await rig.up('--socket', socketPath);
    expect(asNobody(socketPath)).toBe('EACCES');
    // It is the mode of the socket that keeps them out, and nothing that this test has done.
    chmodSync(socketPath, 0o666);
    expect(asNobody(socketPath)).toBe('open');
  });

  it('is not believed in what he leaves in the state directory, nor where he leads it', async () => {
    rig.inventory('version: 1\npools: {}\n');
    const elsewhere = join(rig.dir, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, rig.state);
    const says = async (what: string, how: string): Promise<void> => {
      const { status, stderr } = await rig.run('up');
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: `error: cannot use the state directory "${rig.env.POOLCTL_STATE_DIR}": ${what}  [STATE_DIR_UNSAFE]\n  try:  ${how}\n`,
      });
    };
    await says('it is a symbolic link', 'name another one: --state-dir DIR or $POOLCTL_STATE_DIR');
    rig.env.POOLCTL_STATE_DIR = elsewhere;
    symlinkSync('/etc', join(elsewhere, 'handoff'));
    await says('"handoff" in it is a symbolic link', `move it away: mv ${elsewhere}/handoff ELSEWHERE`);
    if (!asRoot) return;
    chownSync(elsewhere, nobody, nobody);
    await says(`it belongs to uid ${nobody}, and this is uid 0`, 'name another one: --state-dir DIR or $POOLCTL_STATE_DIR');
  });
});

/** `open`, or why it is not. */
function asNobody(socketPath: string): string {
  const connect = `require('net').connect(${JSON.stringify(socketPath)})
    .on('error', ({ code }) => console.log(code)).on('connect', () => { console.log('open'); process.exit(); })`;
  const argv = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', process.execPath, '-e', connect];
  const { stdout, stderr } = spawnSync('setpriv', argv, { encoding: 'utf8', cwd: '/', env: {} });
  return stdout.trim() || stderr;
}

function memoryKiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
