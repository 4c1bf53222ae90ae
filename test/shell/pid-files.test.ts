import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removePidFiles } from '../../src/shell/pid-files.js';
import { scratchDir } from '../host/scratch.js';

test('what a killed supervisor left is taken away, and nothing else', async () => {
  const dir = await scratchDir();
  for (const name of ['chat.r0.pid', 'chat.r1.pid.tmp', 'other']) await writeFile(join(dir, name), '1\n');
  await removePidFiles(dir);
  await removePidFiles(join(dir, 'none'));
  expect(await readdir(dir)).toEqual(['other']);
});
