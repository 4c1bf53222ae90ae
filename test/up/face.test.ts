/** The first line that `up` says: what runs, and where it can be asked. */

import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { plain } from '../../src/text/colour.js';
import { openFace } from '../../src/up/face.js';
import type { Look } from '../../src/up.js';
import { statusView } from '../rig/views.js';

test.each([
  [null, 'poolctl 1.2.3  pools.yaml: 1 pool  socket /s'],
  ['127.0.0.1:9200', 'poolctl 1.2.3  pools.yaml: 1 pool  socket /s  listen 127.0.0.1:9200'],
])('the banner, where it listens on %s', (listen, first) => {
  const stream = new PassThrough();
  const status = statusView([]);
  const look = {
    news: { onLine: () => () => {} },
    view: () => ({ ...status, supervisor: { ...status.supervisor, listen } }),
    paths: { stateDir: '/none' },
    covers: { lastOf: () => (line: string) => line },
  };
  const face = openFace(look as unknown as Look, {
    format: 'pretty',
    level: 'info',
    stream,
    journalStream: undefined,
    palette: plain,
    banner: 'poolctl 1.2.3  pools.yaml: 1 pool  socket /s',
  });
  face.close();
  expect(String(stream.read()).split('\n')[0]).toBe(first);
});
