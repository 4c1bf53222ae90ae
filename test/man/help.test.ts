/** `poolctl help`, as a person at a terminal and as a script gets it. The terminal is one that `script` makes. */

import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commands } from '../../commands/index.js';
import { Rig } from '../rig/poolctl.js';
import { manDir } from './page.js';

const program = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

/** What a terminal shows, with `man` as the only program on PATH. */
async function onTerminal(man: string, ...args: readonly string[]): Promise<string> {
  const path = join(rig.dir, 'man');
  writeFileSync(path, man);
  chmodSync(path, 0o755);
  const line = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const env = { PATH: rig.dir, HOME: rig.dir, SHELL: '/bin/sh' };
  const { stdout } = await promisify(execFile)('/usr/bin/script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env,
  });
  return stdout.replaceAll('\r\n', '\n');
}

it.each([
  ['up', 'poolctl-up.1'],
  ['down', 'poolctl-up.1'],
  ['pools.yaml', 'pools.yaml.5'],
  ['api', 'poolctl-api.7'],
  ['help', 'poolctl.1'],
])('opens the page of %s on a terminal', async (topic, file) => {
  expect(await onTerminal('#!/bin/sh\necho "man $*"\n', 'help', topic)).toBe(`man -l ${manDir}${file}\n`);
});

it('shows the options where man is not there, or cannot show a file', async () => {
  expect(await onTerminal('#!/nowhere\n', 'help', 'down')).toMatch(/^Usage: poolctl down \[options\]/);
  expect(await onTerminal('#!/bin/sh\nexit 1\n', 'help', 'down')).toMatch(/^Usage: poolctl down \[options\]/);
});

it('shows the options to a script, and lists the commands', async () => {
  const { stdout, status } = await rig.run('help', 'logs');
  expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('--previous') });
  expect(stdout).toBe((await rig.run('logs', '--help')).stdout);
  const all = await rig.run('help');
  expect(all.stdout).toBe((await rig.run('--help')).stdout);
  for (const verb of Object.keys(commands)) expect(all.stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
});

it('says so where there is nothing to show', async () => {
  expect(await rig.run('help', 'lgos')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('poolctl help logs'),
  });
  expect(await rig.run('help', 'errors')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`man -l ${manDir}poolctl-errors.7`),
  });
});
