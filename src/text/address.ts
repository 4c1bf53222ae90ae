/** `host:port`, as the API on TCP is told where to listen, and as its clients say whom they mean. Who may reach it depends on how this is read. */

import { isIPv4 } from 'node:net';

/** The host is in lower case and, of IPv6, without brackets. */
export type Address = { readonly host: string; readonly port: number };

/** Null for what is none. */
export function parseAddress(text: string): Address | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65535) return null;
  return { host: host.toLowerCase(), port: Number(port) };
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reached from this machine alone. Another name may mean anything, so only what is loopback as it is written counts. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
