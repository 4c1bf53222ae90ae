import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  bindError,
  dialledHost,
  type Listener,
  listenersAt,
  parseListeners,
  portHolder,
  readListeners,
  whoseListeners,
} from '../../src/host/net.js';
import { sweepProcesses } from '../../src/host/proc.js';
import { type Running, runProgram } from './scratch.js';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function row(local: string, state: string, inode: number): string {
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;
}

test('a table is read: addresses in the order of people, listeners only', () => {
  const v4 = head + row('0100007F:4A38', '0A', 11) + row('00000000:0050', '0A', 12) + row('0100007F:4A39', '01', 13);
  const v6 =
    row('00000000000000000000000000000000:4A38', '0A', 21) +
    row('0000000000000000FFFF00000100007F:4A38', '0A', 22) +
    row('00000000000000000000000001000000:4A38', '0A', 23);
  expect(parseListeners(v4 + v6)).toEqual([
    { address: '127.0.0.1', family: 4, port: 19000, inode: '11' },
    { address: '0.0.0.0', family: 4, port: 80, inode: '12' },
    { address: '0:0:0:0:0:0:0:0', family: 6, port: 19000, inode: '21' },
    { address: '127.0.0.1', family: 6, port: 19000, inode: '22' },
    { address: '0:0:0:0:0:0:0:1', family: 6, port: 19000, inode: '23' },
  ]);
});

test('a wildcard is dialled at home', () => {
  expect(['0.0.0.0', '::', '[::]', '*', '127.0.0.1', '[::1]', 'gpu-box'].map(dialledHost)).toEqual([
    ...Array(4).fill('127.0.0.1'),
    '127.0.0.1',
    '::1',
    'gpu-box',
  ]);
});

const at = (address: string, family: 4 | 6, inode: string, port = 9): Listener => ({ address, family, port, inode });
const any6 = '0:0:0:0:0:0:0:0';

test.each<[string, readonly Listener[], string, readonly string[]]>([
  ['its own address', [at('127.0.0.1', 4, 'a'), at('10.0.0.1', 4, 'b'), at('127.0.0.1', 4, 'c', 10)], '127.0.0.1', ['a']],
  ['the wildcard', [at('0.0.0.0', 4, 'a')], '127.0.0.1', ['a']],
  [
    'both of a shared port',
    [at('127.0.0.1', 4, 'a'), at('127.0.0.1', 4, 'b'), at('0.0.0.0', 4, 'c')],
    '127.0.0.1',
    ['a', 'b', 'c'],
  ],
  ['IPv4 in IPv6', [at('127.0.0.1', 6, 'a')], '127.0.0.1', ['a']],
  ['the IPv6 wildcard, which takes IPv4 too', [at(any6, 6, 'a')], '127.0.0.1', ['a']],
  ['not the IPv6 wildcard beside an IPv4 one', [at('0.0.0.0', 4, 'a'), at(any6, 6, 'b')], '127.0.0.1', ['a']],
  ['a wildcard host by what it is dialled at', [at('0.0.0.0', 4, 'a')], '0.0.0.0', ['a']],
  [
    'an IPv6 address however it is written',
    [at('fd00:0:0:0:0:0:a:1', 6, 'a'), at(any6, 6, 'b'), at('0.0.0.0', 4, 'c')],
    '[FD00::0a:1]',
    ['a', 'b'],
  ],
  ['IPv6 loopback', [at('0:0:0:0:0:0:0:1', 6, 'a'), at('127.0.0.1', 4, 'b')], '::1', ['a']],
  ['anybody on the port, for a name', [at('127.0.0.1', 4, 'a'), at(any6, 6, 'b')], 'localhost', ['a', 'b']],
  ['nobody', [], '127.0.0.1', []],
])('who could answer: %s', (_, listeners, host, inodes) => {
  expect(listenersAt(listeners, host, 9).map(({ inode }) => inode)).toEqual(inodes);
});

test('ours, foreign and nobody, from the kernel', async () => {
  const stranger = await listeningChild('127.0.0.1');
  const own = await listen('127.0.0.1');
  const table = await readListeners();
  const here = listenersAt(table, '127.0.0.1', portOf(own));
  const there = listenersAt(table, '127.0.0.1', stranger.port);
  expect(await whoseListeners(here, [process.pid], sweepProcesses)).toEqual({ owner: 'ours', holder: null });
  expect(await whoseListeners(there, [stranger.pid], sweepProcesses)).toEqual({ owner: 'ours', holder: null });
  const foreign = { owner: 'foreign', holder: expect.stringMatching(new RegExp(`^pid ${stranger.pid} \\(node`)) };
  expect(await whoseListeners(there, [process.pid], sweepProcesses)).toEqual(foreign);
  expect(await whoseListeners([...here, ...there], [process.pid], sweepProcesses)).toEqual(foreign);
  expect(await whoseListeners([], [process.pid], sweepProcesses)).toEqual({ owner: 'nobody', holder: null });
});

test('a socket that nobody whom we see holds has an unknown owner', async () => {
  expect(await whoseListeners([at('127.0.0.1', 4, '0')], [process.pid], sweepProcesses)).toEqual({
    owner: 'unknown',
    holder: null,
  });
});

test('an IPv6 wildcard that takes IPv4 is seen from the IPv4 side', async () => {
  const own = await listen('::');
  const found = listenersAt(await readListeners(), '127.0.0.1', portOf(own));
  expect(await whoseListeners(found, [process.pid], sweepProcesses)).toEqual({ owner: 'ours', holder: null });
});

test('a port is free or taken, on its own address and through the wildcard, and its holder is named', async () => {
  const own = await listen('0.0.0.0');
  const port = portOf(own);
  expect(await bindError('127.0.0.1', port)).toBe('EADDRINUSE');
  expect(await bindError('0.0.0.0', port)).toBe('EADDRINUSE');
  expect(await portHolder('127.0.0.1', port, sweepProcesses)).toMatch(new RegExp(`^pid ${process.pid} \\(node`));
  await new Promise((resolve) => own.close(resolve));
  expect(await bindError('127.0.0.1', port)).toBeNull();
  expect(await portHolder('127.0.0.1', port, sweepProcesses)).toBeNull();
});

test('an address of another machine cannot be bound', async () => {
  expect(await bindError('192.0.2.1', 0)).toBe('EADDRNOTAVAIL');
});

async function listen(host: string): Promise<Server> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function listeningChild(host: string): Promise<Running & { readonly port: number }> {
  const script = `const s = require('node:net').createServer().listen(0, ${JSON.stringify(host)}, () => console.log('port ' + s.address().port + ' ready'))`;
  const running = await runProgram([process.execPath, '-e', script]);
  return { ...running, port: Number(/port (\d+)/.exec(running.output())?.[1]) };
}
