/** Answers to what is no request: Node's parser gives up before there is one, so these are written by hand, in the shape of all refusals. */

import { randomUUID } from 'node:crypto';
import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PoolctlError } from '../errors.js';
import { failureOf } from './failure.js';

/** Hangs up on whoever sends it; first says why, unless an answer to an earlier request is under way, which nothing may break into. */
export function refuseMalformed(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => {
    answers.set(request.socket, response);
    response.once('close', () => answers.delete(request.socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (!socket.writable || answers.get(socket)?.headersSent === true) return void socket.destroy();
    socket.end(answerTo(error), () => socket.destroy());
  });
}

function answerTo({ code }: NodeJS.ErrnoException): string {
  const { status, body } = failureOf(refusalOf(code), undefined);
  const text = `${JSON.stringify(body)}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `x-correlation-id: ${randomUUID()}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'cache-control: no-store',
    '',
    text,
  ].join('\r\n');
}

function refusalOf(code: string | undefined): PoolctlError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new PoolctlError('PAYLOAD_TOO_LARGE', 'cannot read the request: its head is too large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new PoolctlError('INVALID_PARAMS', 'cannot read the request: it did not come whole in time');
  return new PoolctlError('INVALID_PARAMS', `cannot read the request: it is not HTTP (${code ?? 'no reason given'})`);
}
