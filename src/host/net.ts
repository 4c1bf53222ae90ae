/** Who listens where, from /proc/net/tcp and tcp6. Reading these walks the kernel's whole table: milliseconds, so it is asked rarely and together. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describeProcess, descriptorsOf, descriptorTarget, type Sweep } from './proc.js';

export type Listener = {
  /** Dotted for IPv4 and IPv4-mapped addresses; eight hexadecimal groups without leading zeros, colon-joined, for others ("0:0:0:0:0:0:0:1"). */
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  readonly inode: string;
};

export type ListenerOwner = {
  /** foreign: held by a process that we can see and that is not of the tree. unknown: its holder may not be seen. */
  readonly owner: 'ours' | 'foreign' | 'unknown' | 'nobody';
  /** `pid 812 (python3)` when it is foreign. */
  readonly holder: string | null;
};

/** All listening TCP sockets of this network namespace. Never fails: a table that is not there is empty. */
export async function readListeners(): Promise<readonly Listener[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => '')));
  return tables.flatMap(parseListeners);
}

/** One line of a table, of a socket that listens. */
const listening = /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]+ 0A (?:[^ \n]+ +){5}(\d+)/gm;

/** Parses one table; lines that are not listeners are passed over, and cost no memory. */
export function parseListeners(text: string): readonly Listener[] {
  const listeners: Listener[] = [];
  for (const [, address = '', port = '', inode = ''] of text.matchAll(listening))
    listeners.push({ ...readAddress(address), port: Number.parseInt(port, 16), inode });
  return listeners;
}

/** Where a client reaches an engine that was told to listen on `host`: a wildcard is reached by loopback. */
export function dialledHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return ['0.0.0.0', '::', '*', ''].includes(bare) ? '127.0.0.1' : bare;
}

/**
 * The listeners that could answer a connection to this host and port. More than one shares the port (SO_REUSEPORT), and any of them may answer.
 * A host that is no address (a name) is answered by whoever has the port.
 */
export function listenersAt(listeners: readonly Listener[], host: string, port: number): readonly Listener[] {
  const there = listeners.filter((listener) => listener.port === port);
  const dialled = dialledHost(host);
  if (/^\d+\.\d+\.\d+\.\d+$/.test(dialled)) {
    const v4 = there.filter(({ address, family }) => address === dialled || (family === 4 && address === '0.0.0.0'));
    // The kernel prefers any IPv4 socket to an IPv6 wildcard for an IPv4 client.
    return v4.length > 0 ? v4 : there.filter(({ address }) => address === wildcard6);
  }
  if (!dialled.includes(':')) return there;
  return there.filter(({ address, family }) => family === 6 && (address === wildcard6 || address === normalAddress6(dialled)));
}

/**
 * Whose sockets these are. `tree` are the pids of the engine. All must be the tree's; the others are looked for among the processes of `sweep`,
 * which costs a walk over every descriptor on the machine.
 */
export async function whoseListeners(
  listeners: readonly Listener[],
  tree: readonly number[],
  sweep: () => Promise<Sweep>,
): Promise<ListenerOwner> {
  if (listeners.length === 0) return { owner: 'nobody', holder: null };
  const wanted = new Set(listeners.map(({ inode }) => inode));
  for (const pid of tree) for (const inode of socketsOf(pid)) wanted.delete(inode);
  if (wanted.size === 0) return { owner: 'ours', holder: null };
  const holder = await holderOf(wanted, await sweep());
  return holder === null ? { owner: 'unknown', holder: null } : { owner: 'foreign', holder: describeProcess(holder) };
}

/**
 * Whether a server could listen there now: null when it could; else why not, in the kernel's word. It listens for an instant itself, without
 * SO_REUSEPORT, since with it a port that is taken looks free.
 */
export function bindError(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: host === '*' ? '0.0.0.0' : host.replace(/^\[(.*)\]$/, '$1'), port, exclusive: true, backlog: 1 }, () =>
      server.close(() => resolve(null)),
    );
  });
}

/** `pid 812 (python3)`: one who holds the port; null when nobody listens there or the holder may not be seen. */
export async function portHolder(host: string, port: number, sweep: () => Promise<Sweep>): Promise<string | null> {
  const listeners = await readListeners();
  const at = listenersAt(listeners, host, port);
  const suspects = at.length > 0 ? at : listeners.filter((listener) => listener.port === port);
  return (await whoseListeners(suspects, [], sweep)).holder;
}

/** Who listens on a name of the abstract namespace (without its leading zero byte); null when nobody does, or he may not be seen. */
export async function nameHolder(name: string, sweep: Sweep): Promise<number | null> {
  const table = await readFile('/proc/net/unix', 'latin1').catch(() => '');
  const inode = table.split('\n').flatMap((line) => {
    // Node fills a name up to its greatest length with zero bytes, which the kernel shows as it does the first one.
    const [, found, padded] = /^\S+ \S+ \S+ \S+ \S+ \S+ +(\d+) @(.*?)@*$/.exec(line) ?? [];
    return found !== undefined && padded === name ? [found] : [];
  });
  return inode.length === 0 ? null : holderOf(new Set(inode), sweep);
}

const wildcard6 = '0:0:0:0:0:0:0:0';
const yieldEvery = 50;

/** The kernel writes each 32-bit word of an address in the machine's byte order, which is little-endian on all that we run on. */
function readAddress(hex: string): { readonly address: string; readonly family: 4 | 6 } {
  const bytes = Buffer.from(hex, 'hex').swap32();
  if (bytes.length === 4) return { address: bytes.join('.'), family: 4 };
  if (bytes.subarray(0, 12).equals(mappedPrefix())) return { address: bytes.subarray(12).join('.'), family: 6 };
  return { address: Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':'), family: 6 };
}

/** ::ffff:0:0/96, IPv4 in IPv6's clothes. */
function mappedPrefix(): Buffer {
  return Buffer.from('00000000000000000000ffff', 'hex');
}

function normalAddress6(written: string): string {
  const [head = '', tail] = written.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = (part: string | undefined): string[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => group.replace(/^0+(?=.)/, ''));
  const front = groups(head);
  const back = groups(tail);
  const gap = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...Array.from({ length: gap }, () => '0'), ...back].join(':');
}

async function holderOf(inodes: ReadonlySet<string>, sweep: Sweep): Promise<number | null> {
  let looked = 0;
  for (const pid of sweep.keys()) {
    if (++looked % yieldEvery === 0) await new Promise((resolve) => setImmediate(resolve));
    if (socketsOf(pid).some((inode) => inodes.has(inode))) return pid;
  }
  return null;
}

function socketsOf(pid: number): readonly string[] {
  return (descriptorsOf(pid) ?? []).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(descriptorTarget(pid, fd) ?? '')?.[1] ?? []);
}
