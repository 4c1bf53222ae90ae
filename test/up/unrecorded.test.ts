/** Real processes that look like engines of a state directory, beside registries that know some of them. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ReplicaKey } from '../../src/core/model.js';
import { type Paths, replicaPaths, supervisorPaths } from '../../src/host/paths.js';
import { sweepProcesses } from '../../src/host/proc.js';
import { unrecorded } from '../../src/up/unrecorded.js';
import { scratchDir } from '../host/scratch.js';

/** By its log, by its directory, or by both it is an engine of that replica. */
async function engine(paths: Paths, key: string, instance: string | null, marks: { readonly log?: true; readonly work?: true }) {
  const log = replicaPaths(paths, key as ReplicaKey).log;
  const work = join(paths.workDir, key);
  for (const dir of [dirname(log), work]) mkdirSync(dir, { recursive: true });
  const output = marks.log === true ? openSync(log, 'a') : 'ignore';
  const child = spawn('sleep', ['600'], {
    detached: true,
    cwd: marks.work === true ? work : '/',
    stdio: ['ignore', output, output],
    env: { PATH: process.env.PATH, ...(instance === null ? {} : { POOLCTL_INSTANCE: instance }) },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid;
}

const place = async (): Promise<Paths> => {
  const dir = await scratchDir();
  return supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
};

const knowing = (...instances: readonly string[]): ReadonlySet<string> => new Set(instances);

async function found(known: ReadonlySet<string> | null, paths: Paths): Promise<readonly unknown[]> {
  const engines = await unrecorded(known, { paths, processes: { sweep: sweepProcesses } });
  return engines.map(({ key, instance, identity }) => [key, instance, identity?.pid]).sort();
}

test('those are found that the registry does not know, by their log or by their directory', async () => {
  const paths = await place();
  await engine(paths, 'chat/r0', 'known', { log: true, work: true });
  const logged = await engine(paths, 'chat/r1', 'logged', { log: true, work: true });
  const logless = await engine(paths, 'chat/r2', 'logless', { work: true });
  await engine(await place(), 'chat/r0', 'of another supervisor', { log: true, work: true });
  expect(await found(knowing('known'), paths)).toEqual([
    ['chat/r1', 'logged', logged],
    ['chat/r2', 'logless', logless],
  ]);
});

test('one that carries no instance counts only where there is no registry, and only by its log', async () => {
  const paths = await place();
  const nameless = await engine(paths, 'chat/r0', null, { log: true });
  await engine(paths, 'chat/r1', null, { work: true });
  expect(await found(knowing(), paths)).toEqual([]);
  expect(await found(null, paths)).toEqual([['chat/r0', '', nameless]]);
});

test('without a registry all are found, one for each instance', async () => {
  const paths = await place();
  const first = await engine(paths, 'chat/r0', 'a', { log: true, work: true });
  const second = await engine(paths, 'chat/r0', 'b', { work: true });
  expect(await found(null, paths)).toEqual([
    ['chat/r0', 'a', first],
    ['chat/r0', 'b', second],
  ]);
});
