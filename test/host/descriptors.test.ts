/** Descriptors that we were born with, and the terminal that we began on: in processes of their own, since both change a process for good. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../src/host/programs.js';
import { runProgram } from '../../src/host/run.js';
import { bundle } from '../rig/bundle.js';
import { killGroup, scratchDir, until } from './scratch.js';

const src = (name: string): string => fileURLToPath(new URL(`../../src/host/${name}.ts`, import.meta.url));

const program = async (contents: string): Promise<string> => bundle(contents, join(await scratchDir(), 'program.mjs'));

test('what is inherited beyond the three is closed, once, and a child sees none of it', async () => {
  const file = await program(`import { closeInheritedDescriptors } from '${src('descriptors')}';
import { spawnSync } from 'node:child_process';
const first = closeInheritedDescriptors();
const child = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout.trim().split('\\n').map(Number);
console.log(JSON.stringify({ first, again: closeInheritedDescriptors(), child }));`);
  const fd = openSync('/dev/null', 'r');
  onTestFinished(() => {
    expect(readdirSync('/proc/self/fd')).toContain(String(fd));
  });
  // Node marks the lowest ones itself, up to the first gap behind 15: those it passes on to nobody.
  const gap = Array.from({ length: 16 }, () => 'ignore' as const);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit', fd, ...gap, fd] });
  const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  const { first, again, child: seen } = JSON.parse(chunk.toString()) as Record<'first' | 'again' | 'child', number[]>;
  expect(first).toContain(20);
  expect(again).toEqual([]);
  expect(seen.filter((each) => each > 3)).toEqual([]);
});

test('without a terminal at the start none can be lost', async () => {
  const file = await program(`import { watchTerminal } from '${src('terminal')}';
console.log(watchTerminal()());`);
  const setsid = await findProgram('setsid', process.env.PATH, '/');
  expect(setsid).not.toBeNull();
  const run = await runProgram(setsid ?? '', ['--wait', process.execPath, file], { timeoutMs: 15_000 });
  expect(run).toMatchObject({ ok: true, value: { stdout: 'false\n' } });
});

test('a terminal that has hung up is lost', async () => {
  const file = await program(`import { watchTerminal } from '${src('terminal')}';
import { appendFileSync } from 'node:fs';
process.on('SIGHUP', () => { appendFileSync(process.argv[2], 'after ' + isLost() + '\\n'); process.exit(); });
const isLost = watchTerminal();
appendFileSync(process.argv[2], 'before ' + isLost() + '\\n');
console.log('ready');
setInterval(() => {}, 1000);`);
  const said = join(await scratchDir(), 'said');
  // script(1) gives it a terminal of its own, and takes it away when it is killed.
  const terminal = spawn('script', ['-qec', `${process.execPath} ${file} ${said}`, '/dev/null'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => killGroup(terminal.pid ?? 0));
  await once(terminal.stdout, 'data');
  terminal.kill('SIGKILL');
  const lines = await until(async () => {
    const text = await readFile(said, 'utf8');
    return text.includes('after') ? text : null;
  });
  expect(lines).toBe('before false\nafter true\n');
});
