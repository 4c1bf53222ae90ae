/** What the tests do to a real engine. */

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { ReplicaView } from '../../src/api/wire.js';
import { isLiving, readStat } from '../../src/host/proc.js';

/** A completion that lasts far longer than the test; resolves with the answer once its first bytes are there. */
export async function openStream(url: string): Promise<ClientRequest & { readonly answer: IncomingMessage }> {
  const asked = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
  asked.end(JSON.stringify({ prompt: 'the', n_predict: 30_000, ignore_eos: true, stream: true }));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.on('error', () => {});
  asked.on('error', () => {});
  await once(answer, 'data');
  return Object.assign(asked, { answer });
}

/** Never 0 or NaN, which would signal the test itself. */
export function pidOf(view: ReplicaView | undefined): number {
  if (!Number.isInteger(view?.pid) || Number(view?.pid) <= 1) throw new Error(`no pid: ${JSON.stringify(view)}`);
  return Number(view?.pid);
}

/** An engine whose supervisor was killed is a child of process 1, which may reap it late: a zombie is dead. */
export function isAlive(pid: number | null): boolean {
  const stat = pid === null ? null : readStat(pid);
  return stat !== null && isLiving(stat);
}
