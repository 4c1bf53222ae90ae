/** `poolctl up` where a person sits: on a terminal that `script` makes. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig } from '../rig/poolctl.js';

const program = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

it('shows loading replicas under the events, says when all have settled, and answers Ctrl-C at once', async () => {
  rig.inventory(`version: 1
supervisor: { ports: 27260-27279 }
pools:
  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "1500"], health: { startup_interval: 50ms } }
  nope: { engine: command, command: [/nowhere/engine], device_masks: [cpu] }
`);
  const command = `stty cols 80 rows 24; exec ${process.execPath} ${program} up --color never`;
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { cwd: rig.dir, env: rig.env });
  const ended = once(terminal, 'close');
  let shown = '';
  const sees = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(shown)) resolve();
      };
      terminal.stdout.on('data', look);
      terminal.once('close', () => reject(new Error(`ended without ${pattern}: ${shown}`)));
      look();
    });
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });

  await sees(/^poolctl \S+ {2}pools\.yaml: 2 pools, 2 replicas {2}socket /);
  await sees(/ {2}chat\/r0 {3}starting {3}\d+s .*load_model/);
  await sees(/\d\d:\d\d:\d\d nope\/r0 failed: cannot run "\/nowhere\/engine"/);
  await sees(/\d\d:\d\d:\d\d chat\/r0 ready in \d\.\ds, http:\/\/127\.0\.0\.1:27260\r\n/);
  await sees(/1 of 2 ready in \d\.\ds\. Status: poolctl status {3}live view: poolctl top {3}stop: Ctrl-C\r\n/);
  // The block was taken away before each line, with as many rows as stood there.
  expect(shown).toContain('\u001b[1A\r\u001b[J');
  terminal.stdin.write('\u0003');
  await sees(/stopping: no lease held, draining up to 30s \(Ctrl-C again: stop engines now\)\r\n/);
  expect(await ended).toEqual([0, null]);
  expect(shown).toMatch(/chat\/r0 stopped[\s\S]*poolctl stopped after \d+(?:\.\d)?s\r\n$/);
  expect(shown).not.toContain('\u001b[3J');
});
