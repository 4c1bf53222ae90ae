import { mkdirSync, renameSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeUntouched } from '../../src/host/untouched.js';
import { scratchDir } from './scratch.js';

let directory: string;
let untouched: () => boolean;
beforeEach(async () => {
  directory = join(await scratchDir(), 'looked-at');
  mkdirSync(directory);
  writeFileSync(join(directory, 'file'), '');
  untouched = still([directory]);
});

/** Asked as often as it takes to be sure, long after the directory has changed. */
function still(directories: readonly string[]): () => boolean {
  const ask = makeUntouched();
  utimesSync(directory, 1, 1);
  expect([ask(directories), ask(directories), ask(directories)]).toEqual([false, false, true]);
  return () => ask(directories);
}

describe('whether directories were touched', () => {
  it.each([
    ['made', () => writeFileSync(join(directory, 'other'), '')],
    ['removed', () => rmSync(join(directory, 'file'))],
    ['put in the place of another', () => replace(join(directory, 'file'))],
  ])('a file that was %s is told of twice: the clock of the file system may have stood still at the first time', (_, touch) => {
    touch();
    expect([untouched(), untouched(), untouched()]).toEqual([false, false, true]);
  });

  it('what is written into a file that stays touches nothing', () => {
    writeFileSync(join(directory, 'file'), 'more');
    expect(untouched()).toBe(true);
  });

  it('a directory that is gone, and one that has come back, are touched', () => {
    rmSync(directory, { recursive: true });
    expect([untouched(), untouched(), untouched()]).toEqual([false, false, true]);
    mkdirSync(directory);
    expect(untouched()).toBe(false);
  });

  it('a directory below what has become a file is gone as well', () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    const below = makeUntouched();
    expect([1, 2, 3].map(() => below([join(directory, 'below')]))).toEqual([false, false, true]);
  });

  it('another directory in its place that is as old is another one', () => {
    mkdirSync(`${directory}-2`);
    rmSync(join(directory, 'file'));
    rmdirSync(directory);
    renameSync(`${directory}-2`, directory);
    utimesSync(directory, 1, 1);
    expect(untouched()).toBe(false);
  });

  it('of others than those that were asked of it knows nothing', () => {
    const ask = makeUntouched();
    for (let times = 0; times < 3; times++) ask([directory]);
    expect(ask([directory, `${directory}-2`])).toBe(false);
  });
});

function replace(path: string): void {
  writeFileSync(`${path}.tmp`, '');
  renameSync(`${path}.tmp`, path);
}
