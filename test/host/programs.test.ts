/** Helper programs, run and found: every way in which they can fail is a value. */

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../../src/host/programs.js';
import { runProgram } from '../../src/host/run.js';
import { scratchDir, until } from './scratch.js';

const limit = { timeoutMs: 15_000 };
const sh = (script: string, more: Partial<Parameters<typeof runProgram>[2]> = {}) =>
  runProgram('sh', ['-c', script], { ...limit, ...more });

describe('running', () => {
  it('gives status and both streams as they are, without a shell and without input', async () => {
    expect(await sh('echo out; echo err >&2; exit 3')).toEqual({
      ok: true,
      value: { code: 3, stdout: 'out\n', stderr: 'err\n' },
    });
    expect(await runProgram('echo', ['$HOME *'], limit)).toMatchObject({ value: { stdout: '$HOME *\n' } });
    expect(await sh('cat; echo end')).toMatchObject({ value: { code: 0, stdout: 'end\n' } });
  });

  it('gives it the environment and directory that are said, and no other', async () => {
    const dir = await realpath(await scratchDir());
    expect(await sh('echo "$A-$HOME"; pwd', { env: { A: '1', PATH: process.env.PATH ?? '' }, cwd: dir })).toMatchObject({
      value: { stdout: `1-\n${dir}\n` },
    });
  });

  it('says what failed: not there, not to be run, killed, too slow', async () => {
    const dir = await scratchDir();
    await writeFile(join(dir, 'plain'), 'x');
    expect(await runProgram('/no/such/program', [], limit)).toEqual({
      ok: false,
      error: 'cannot run "/no/such/program": ENOENT',
    });
    expect(await runProgram(join(dir, 'plain'), [], limit)).toEqual({ ok: false, error: `cannot run "${dir}/plain": EACCES` });
    expect(await sh('true', { cwd: join(dir, 'none') })).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^cannot run "sh": /),
    });
    expect(await sh('kill -9 $$')).toEqual({ ok: false, error: '"sh" died by SIGKILL' });
    expect(await sh("trap '' TERM; while :; do sleep 1; done", { timeoutMs: 100 })).toEqual({
      ok: false,
      error: '"sh" gave no answer in 0.1s',
    });
  });

  it('keeps no more than it may', async () => {
    const run = await sh('yes', { maxBytes: 1_000 });
    expect(run.ok ? run.value.stdout.length : run.error).toBe(1_000);
  });
});

describe('finding', () => {
  it('is as execvp finds: the first executable file of that name, empty parts being the directory itself', async () => {
    const dir = await realpath(await scratchDir());
    for (const name of ['a', 'b', 'c']) await mkdir(join(dir, name));
    await writeFile(join(dir, 'a', 'tool'), 'x', { mode: 0o644 });
    await mkdir(join(dir, 'b', 'tool'));
    await writeFile(join(dir, 'c', 'tool'), 'x', { mode: 0o755 });
    await writeFile(join(dir, 'here'), 'x', { mode: 0o755 });
    await symlink('nowhere', join(dir, 'a', 'dangling'));
    const path = `/no/such:${dir}/a:${dir}/b:${dir}/c`;
    expect(await findProgram('tool', path, '/')).toBe(join(dir, 'c', 'tool'));
    expect(await findProgram('tool', 'a:b:c', dir)).toBe(join(dir, 'c', 'tool'));
    expect(await findProgram('here', ':/bin', dir)).toBe(join(dir, 'here'));
    expect(await findProgram('dangling', path, '/')).toBeNull();
    expect(await findProgram('none', path, '/')).toBeNull();
    expect(await findProgram('sh', undefined, '/')).toMatch(/^\/.*\/sh$/);
    expect(await findProgram('', path, '/')).toBeNull();
  });

  it('takes a name with a slash for a path, there or not', async () => {
    expect(await findProgram('./x/../tool', '/bin', '/some/dir')).toBe('/some/dir/tool');
    expect(await findProgram('/no/such/tool', '/bin', '/')).toBe('/no/such/tool');
  });

  it('agrees with the shell', async () => {
    for (const name of ['sh', 'cat', 'ls']) {
      expect(await findProgram(name, process.env.PATH, '/')).toBe(
        execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
      );
    }
  });

  it('leaves no process behind a program that was too slow', async () => {
    const dir = await scratchDir();
    const pidFile = join(dir, 'pid');
    const run = sh(`echo $$ > ${pidFile}; exec sleep 600`, { timeoutMs: 2_000 });
    expect(await run).toMatchObject({ ok: false });
    await chmod(dir, 0o700);
    const pid = Number(execFileSync('cat', [pidFile], { encoding: 'utf8' }));
    await until(() => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  });
});
