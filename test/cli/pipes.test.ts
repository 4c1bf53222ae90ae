/** Commands whose output is not read to its end, or cannot be written. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { program, Rig } from '../rig/poolctl.js';

const event = {
  id: 'a-1',
  time: '2026-03-01T13:02:09.123Z',
  event: 'supervisor.started',
  level: 'info',
  human: 'poolctl started',
};

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  const dir = join(rig.state, 'logs', 'chat');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const id of ['r0', 'r1']) writeFileSync(join(dir, `${id}.log`), `${'a line of a log that is long\n'.repeat(20_000)}`);
  writeFileSync(join(rig.state, 'events.jsonl'), `${JSON.stringify(event)}\n`.repeat(20_000));
});
afterEach(() => rig.end());

/** `poolctl` is that program in it; its own status is the last line of stderr. */
async function shell(line: string): Promise<{ readonly status: number; readonly stderr: string }> {
  const script = `poolctl() { "${process.execPath}" "${program}" "$@"; }; ${line}`;
  const child = spawn('bash', ['-c', script], { cwd: rig.dir, env: rig.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  await once(child, 'close');
  const lines = stderr.trimEnd().split('\n');
  return { status: Number(lines.pop()), stderr: lines.join('\n') };
}

it.each(['logs chat', 'logs chat --json', 'logs chat/r0', 'events', 'schema'])(
  'a reader that goes away ends "%s" quietly',
  async (command) => {
    for (const reader of ['head -n 1', 'true'])
      expect(await shell(`poolctl ${command} | ${reader}; echo "\${PIPESTATUS[0]}" >&2`)).toEqual({ status: 0, stderr: '' });
  },
);

it.each(['logs chat', 'logs chat/r0', 'events', 'schema', '--help'])('what "%s" cannot write is no success', async (command) => {
  const { status, stderr } = await shell(`poolctl ${command} > /dev/full; echo "$?" >&2`);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: cannot write the answer to stdout: ENOSPC.* {2}\[WRITE_FAILED\]$/);
});
