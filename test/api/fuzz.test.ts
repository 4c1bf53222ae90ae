/** Any bytes whatever on a connection: each answer to them is one that the API gives, and none of them is a bug. */

import { expect, test } from 'vitest';
import { errorCodes } from '../../src/errors.js';
import fc from '../rig/chance.js';
import { dial, dialTcp, openStand } from './stand.js';

const lines = [
  'GET /health HTTP/1.1',
  'GET /v2/pools HTTP/1.0',
  'HEAD /metrics HTTP/1.1',
  'POST /v2/pools/chat/start HTTP/1.1',
  'POST /v2/pools/chat/leases HTTP/1.1',
  'DELETE /v2/leases/x HTTP/1.1',
  'PRI * HTTP/2.0',
  'CONNECT a:1 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET http://localhost/health HTTP/1.1',
  'GET /v2/pools/%00%ff HTTP/1.1',
  'GET /v2/../../etc/passwd HTTP/1.1',
  'GET /health HTTP/9.9',
  'QUERY /health HTTP/1.1',
  'GET /health',
];

const headers = [
  'Host: localhost',
  'Host: a\r\n b',
  'Content-Type: application/json',
  'Content-Length: 2',
  'Content-Length: 7',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Connection: close',
  'Connection: upgrade\r\nUpgrade: websocket',
  'Expect: 100-continue',
  'Expect: the worst',
  'X-Correlation-Id: \u00e9',
  ': nothing',
  'no colon',
];

const bodies = ['', '{}', '2\r\n{}\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '0\r\nTrailer: x\r\n\r\n', '2;x=y\r\n{}{}'];

/** Mostly what it should be. */
const often = (usual: string, ...others: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const request = fc
  .record({
    line: fc.constantFrom(...lines),
    host: often('Host: localhost\r\n', ''),
    more: fc.array(fc.constantFrom(...headers), { maxLength: 4 }),
    eol: often('\r\n', '\n', '\r', '\r\n\r\n'),
    end: often('\r\n', '', '\n', '\0'),
    body: fc.constantFrom(...bodies),
  })
  .map(({ line, host, more, eol, end, body }) => `${line}${eol}${host}${more.map((each) => each + eol).join('')}${end}${body}`);

const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const talk = fc.array(fc.oneof({ weight: 6, arbitrary: request }, { weight: 1, arbitrary: noise }), {
  minLength: 1,
  maxLength: 4,
});

const known = new Set(['100', '200', '201', '202', '204', ...Object.values(errorCodes).map(({ http }) => String(http))]);
known.delete('500');

test.each([
  ['the socket', dial],
  ['TCP', dialTcp],
] as const)('on %s', async (_, dialed) => {
  const stand = await openStand({ tcp: {} });
  await fc.assert(
    fc.asyncProperty(talk, async (pieces) => {
      const wire = await dialed(stand);
      wire.socket.end(Buffer.from(pieces.join(''), 'latin1'));
      const heard = await wire.all();
      const statuses = [...heard.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => status ?? '');
      expect(statuses.filter((status) => !known.has(status))).toEqual([]);
      expect(heard === '' || statuses.length > 0).toBe(true);
    }),
    { numRuns: 400 },
  );
  expect(stand.listeners()).toBe(0);
});
