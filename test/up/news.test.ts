/** Events after one that an earlier supervisor told: from its journal, and from what this one has told and not yet written. */

import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeNews } from '../../src/up/news.js';
import { scratchDir } from '../host/scratch.js';

const line = (id: string): string => `${JSON.stringify({ id, time: '2026-11-27T19:00:00.000Z', event: 'replica.ready' })}\n`;

test('nothing falls between the journal and what is not written yet, and nothing is told twice', async () => {
  const journalPath = join(await scratchDir(), 'events.jsonl');
  await writeFile(journalPath, line('old-1') + line('old-2'));
  const news = makeNews({ start: 'new', wallMs: () => 0, journalPath });
  const idsSince = async (id: string) => (await news.since(id))?.map((each) => each.id) ?? null;
  expect(await idsSince('old-1')).toEqual(['old-2']);
  news.publish({ event: 'supervisor.started', level: 'info' });
  news.publish({ event: 'supervisor.stopping', level: 'info' });
  expect(await idsSince('old-1')).toEqual(['old-2', 'new-1', 'new-2']);
  await appendFile(journalPath, line('new-1'));
  expect(await idsSince('old-1')).toEqual(['old-2', 'new-1', 'new-2']);
  expect(await idsSince('old-2')).toEqual(['new-1', 'new-2']);
  expect(await idsSince('new-1')).toEqual(['new-2']);
  expect(await idsSince('nobody-7')).toBeNull();
});
