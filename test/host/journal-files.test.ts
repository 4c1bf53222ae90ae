/** Reading the journal back, over its rotated files and whatever a kill has left of them. */

import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { type JournalWish, readJournal } from '../../src/host/journal-files.js';
import { scratchDir } from './scratch.js';

const line = (n: number): string => `${JSON.stringify({ id: `a-${n}`, time: new Date(n * 1_000).toISOString(), n })}\n`;
const lines = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, at) => line(from + at)).join('');

/** 1 to 3 in `.2`, 4 to 6 in `.1`, 7 to 9 in the current one. */
async function journal(): Promise<string> {
  const path = join(await scratchDir(), 'events.jsonl');
  await writeFile(`${path}.2`, lines(1, 3));
  await writeFile(`${path}.1`, lines(4, 6));
  await writeFile(path, lines(7, 9));
  return path;
}

const read = async (path: string, wish?: JournalWish): Promise<readonly unknown[] | null> =>
  (await readJournal(path, wish))?.map(({ n }) => n) ?? null;

describe('what is wished for', () => {
  test.each<[JournalWish, readonly number[] | null]>([
    [{}, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [{ tail: 0 }, []],
    [{ tail: 2 }, [8, 9]],
    [{ tail: 4 }, [6, 7, 8, 9]],
    [{ tail: 99 }, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [{ sinceMs: 8_000 }, [8, 9]],
    [{ sinceMs: 6_000 }, [6, 7, 8, 9]],
    [{ sinceMs: 99_000 }, []],
    [{ sinceMs: 5_000, tail: 3 }, [7, 8, 9]],
    [{ afterId: 'a-9' }, []],
    [{ afterId: 'a-7' }, [8, 9]],
    [{ afterId: 'a-6' }, [7, 8, 9]],
    [{ afterId: 'a-2' }, [3, 4, 5, 6, 7, 8, 9]],
    [{ afterId: 'a-2', sinceMs: 5_000, tail: 4 }, [6, 7, 8, 9]],
    [{ afterId: 'b-1' }, null],
  ])('%j', async (wish, numbers) => {
    expect(await read(await journal(), wish)).toEqual(numbers);
  });

  it('is nothing where there is no journal, and an id is then known to nobody', async () => {
    const path = join(await scratchDir(), 'events.jsonl');
    expect(await read(path)).toEqual([]);
    expect(await read(path, { tail: 3 })).toEqual([]);
    expect(await read(path, { afterId: 'a-1' })).toBeNull();
  });

  it('goes on behind a current file that is empty, or was just put by', async () => {
    const path = join(await scratchDir(), 'events.jsonl');
    await writeFile(`${path}.1`, lines(1, 3));
    expect(await read(path, { tail: 2 })).toEqual([2, 3]);
    await writeFile(path, '');
    expect(await read(path, { tail: 2 })).toEqual([2, 3]);
    expect(await read(path, { sinceMs: 3_000 })).toEqual([3]);
  });

  it('ends at the first file that is missing, or is none', async () => {
    const path = await journal();
    await writeFile(`${path}.4`, lines(90, 91));
    expect(await read(path)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await mkdir(`${path}.3`);
    expect(await read(path)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('passes over what is no event', async () => {
    const path = join(await scratchDir(), 'events.jsonl');
    await writeFile(path, `${line(1)}{"id":"a-2","ti\n\nnull\n7\n[]\n{}\n{"id":3,"time":"x"}\n\u0000\u0000\n${line(4)}`);
    await appendFile(path, '{"id":"a-5"');
    expect(await read(path)).toEqual([1, 4]);
    expect(await read(path, { afterId: 'a-1' })).toEqual([4]);
  });
});
