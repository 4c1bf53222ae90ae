/**
 * Between the client and a supervisor that comes and goes: each connection is one request, goes to the supervisor of the moment, byte by byte, and once
 * more to the next where that one had ended before it answered. So the client never meets a closed door, and what it is told is the API's own word.
 */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A stream that has said nothing for so long is ended for the client, who would read it for ever. */
const quietMs = 60;
/** Who waits for an answer for so long waits for a drain: the supervisor is told to end, which must answer everybody. */
const slowMs = 5_000;
const editEvery = 40;

export class Relay {
  requests = 0;
  /** How often each status was answered. */
  statuses = new Map();
  faults = [];
  #sockets = new Set();

  /** @param {import('./supervisor.mjs').Supervisors} supervisors */
  constructor(supervisors) {
    this.supervisors = supervisors;
    this.server = createServer((client) => {
      this.#sockets.add(client);
      client.once('close', () => this.#sockets.delete(client));
      client.on('error', () => client.destroy());
      this.#carry(client).catch((error) => {
        this.faults.push(error.message);
        client.destroy();
      });
    });
  }

  /** @returns {Promise<number>} its port on 127.0.0.1 */
  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this.server.address().port;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }

  async #carry(client) {
    const sent = [];
    let upstream = null;
    client.on('data', (piece) => {
      sent.push(piece);
      upstream?.write(piece);
    });
    await once(client, 'data');
    this.requests += 1;
    if (this.requests % editEvery === 0) this.supervisors.edit();
    const line = Buffer.concat(sent).toString('latin1').split('\r\n', 1)[0];
    for (;;) {
      const run = await this.supervisors.present();
      upstream = connect(this.supervisors.port, '127.0.0.1');
      upstream.write(Buffer.concat(sent));
      const slow = setTimeout(() => run.leave(run.child.kill('SIGTERM')), slowMs);
      const status = await answered(upstream, client, isStream(line));
      clearTimeout(slow);
      if (status !== null) return this.#note(run, line, status);
      if (client.destroyed) return;
      if (!run.leaving) {
        // It may have been told by a request whose answer is on its way to us.
        const ended = await Promise.race([run.ended, new Promise((resolve) => setTimeout(resolve, 1_000, null))]);
        if (ended === null) throw new Error(`hung up without an answer: ${line.slice(0, 200)}`);
      }
      await run.ended;
    }
  }

  #note(run, line, status) {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status >= 500 && ![502, 503].includes(status)) this.faults.push(`${status}: ${line.slice(0, 200)}`);
    if (status === 202 && /^POST \/v2\/shutdown[ ?]/.test(line)) void run.leave();
  }
}

/** Resolves with the status when all is told, with null where nothing was. */
function answered(upstream, client, stream) {
  return new Promise((resolve) => {
    let head = '';
    let quiet;
    const end = () => {
      clearTimeout(quiet);
      upstream.destroy();
      if (head !== '') client.end();
      resolve(head === '' ? null : Number(head.slice(9, 12)));
    };
    upstream.on('data', (piece) => {
      if (head.length < 1_000) head += piece.toString('latin1');
      client.write(piece);
      if (!stream || !/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return;
      clearTimeout(quiet);
      // The server writes whole chunks: in the silence after one comes the last.
      quiet = setTimeout(() => end(client.write('0\r\n\r\n')), quietMs);
    });
    upstream.on('error', () => {});
    upstream.once('close', end);
    client.once('close', () => upstream.destroy());
  });
}

const isStream = (line) => /^GET \/v2\/events[ ?]|^GET \S*\/logs\?\S*follow/.test(line);
