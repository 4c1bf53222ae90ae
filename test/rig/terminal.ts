/** A command on a terminal, where it rewrites its last line. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { program, type Rig } from './poolctl.js';

/** `heard` is given all that the screen was sent so far, whenever more comes. A frame is what stood there until its last line was taken back. */
export async function onTerminal(
  rig: Rig,
  { args, columns }: { readonly args: readonly string[]; readonly columns: number },
  heard: (screen: string) => Promise<unknown>,
): Promise<{ readonly status: number | null; readonly frames: readonly string[] }> {
  const line = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty columns ${columns}; ${line}`;
  const terminal = spawn('/usr/bin/script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: rig.dir,
    env: { ...rig.env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(terminal, 'close');
  let screen = '';
  for await (const text of terminal.stdout as AsyncIterable<Buffer>) {
    screen += text.toString();
    await heard(screen);
  }
  const [status] = await ended;
  return { status: status as number | null, frames: screen.replaceAll('\r\n', '\n').split('\u001b[1A\r\u001b[J') };
}
