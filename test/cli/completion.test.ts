/** Tab in real shells: bash, and zsh and fish where they are installed. A supervisor runs, and its names come. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeAll(async () => {
  rig = new Rig();
  mkdirSync(join(rig.dir, 'bin'));
  symlinkSync(program, join(rig.dir, 'bin/poolctl'));
  rig.env.PATH = `${join(rig.dir, 'bin')}:${process.env.PATH}`;
  Object.assign(rig.env, { TERM: 'xterm', LC_ALL: 'C.UTF-8', XDG_CONFIG_HOME: join(rig.dir, 'config') });
  rig.inventory(`version: 1
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], autostart: false }
  code: { engine: demo, device_masks: [cpu], autostart: false }
`);
  writeFileSync(join(rig.dir, 'other.yaml'), '');
  await rig.up();
});
afterAll(() => rig.end());

/** What a line becomes by Tab in an interactive shell, up to the blank behind a whole word. Tabs are typed once it is ready for them. */
async function tab(shell: readonly string[], setUp: string, line: string, until: RegExp): Promise<string> {
  const command = shell.map((word) => `'${word}'`).join(' ');
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { cwd: rig.dir, env: { ...rig.env, PS1: '', PROMPT: '' } });
  const ended = once(terminal, 'close');
  let shown = '';
  await new Promise<void>((resolve, reject) => {
    let typed = false;
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown = (shown + text).replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
      if (!typed && /READY-1/.test(shown)) {
        typed = true;
        shown = '';
        terminal.stdin.write(`${line}\t`);
      } else if (typed && until.test(shown)) resolve();
    });
    terminal.once('close', () => reject(new Error(`ended without ${until}: ${JSON.stringify(shown)}`)));
    // What is typed is echoed: only what is printed has the 1 worked out.
    terminal.stdin.write(`${setUp}; echo READY-$((2 - 1))\n`);
  });
  terminal.kill('SIGKILL');
  await ended;
  return shown;
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', ':']).error === undefined;

describe('bash', () => {
  const bash = (line: string, until: RegExp) =>
    tab(['bash', '--norc', '--noprofile', '-i'], 'bind "set bell-style none"; source <(poolctl completion bash)', line, until);

  it('completes a command, a pool, a replica, the value of an option, a file', async () => {
    await bash('poolctl dra', /poolctl drain /);
    await bash('poolctl drain cod', /poolctl drain code/);
    await bash('poolctl drain code/', /poolctl drain code\/r0 /);
    await bash('poolctl plan co', /poolctl plan code /);
    await bash('poolctl wait all --for=dr', /--for=drained /);
    await bash('poolctl wait all --for dr', /--for drained /);
    await bash('poolctl check oth', /check other\.yaml /);
    await bash('poolctl lease run chat -- poolct', /-- poolctl /);
  });

  it('lists what there is', async () => {
    const shown = await bash('poolctl drain chat\t', /chat\/r0 +chat\/r1/);
    expect(shown).not.toContain('error');
  });
});

/** Where everything is to be checked, a check that did not run is a failure. */
const skips = (shell: string): boolean => !has(shell) && process.env.CI === undefined;
for (const shell of ['zsh', 'fish'])
  if (!has(shell)) process.stderr.write(`SKIPPED: completion needs ${shell}: apt-get install ${shell}\n`);

describe.skipIf(skips('zsh'))('zsh (skipped without it: apt-get install zsh)', () => {
  const zsh = (line: string, until: RegExp) =>
    tab(
      ['zsh', '-f', '-i'],
      'unsetopt beep; autoload -Uz compinit; compinit -u -D; source <(poolctl completion zsh)',
      line,
      until,
    );

  it('completes a command, a replica, the value of an option, a file, and shows what commands are about', async () => {
    await zsh('poolctl dra', /drain /);
    await zsh('poolctl drain code/', /code\/r0/);
    await zsh('poolctl wait all --for=dr', /--for=drained/);
    await zsh('poolctl check oth', /other\.yaml/);
    await zsh('poolctl st', /start +-- launch at once/);
  });
});

describe.skipIf(skips('fish'))('fish (skipped without it: apt-get install fish)', () => {
  /** fish tells what it would propose. */
  async function fish(line: string): Promise<string[]> {
    const script = `poolctl completion fish | source; complete --do-complete '${line}'`;
    const child = spawn('fish', ['--no-config', '-c', script], {
      cwd: rig.dir,
      env: rig.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    await once(child, 'close');
    return text.split('\n').filter((each) => each !== '');
  }

  it('proposes commands with what they are about, pools, replicas, values, files', async () => {
    expect(await fish('poolctl dra')).toEqual([expect.stringMatching(/^drain\tgive no new leases/)]);
    expect((await fish('poolctl drain chat')).sort()).toEqual(['chat', 'chat/r0', 'chat/r1']);
    expect(await fish('poolctl drain chat/r0 chat/')).toEqual(['chat/r1']);
    expect(await fish('poolctl wait all --for=dr')).toEqual(['--for=drained']);
    expect(await fish('poolctl check oth')).toEqual([expect.stringMatching(/^other\.yaml/)]);
  });
});

describe('poolctl complete', () => {
  it('knows the last names where no supervisor runs, and is silent where there is nothing to say', async () => {
    const state = join(rig.dir, 'former');
    mkdirSync(state);
    writeFileSync(
      join(state, 'state.json'),
      JSON.stringify({ status: { pools: [{ pool_id: 'old', replicas: [{ replica_id: 'r0' }] }] } }),
    );
    expect(await rig.run('complete', 'zsh', '--', '--state-dir', state, 'logs', '')).toEqual({
      status: 0,
      stdout: 'old\nold/r0\nall\n',
      stderr: '',
    });
    for (const line of [
      [],
      ['bash'],
      ['fish', '--', 'status', '--state-dir', '/nowhere', 'x'],
      ['bash', '--', 'drain', '-s', 'x'.repeat(200), ''],
    ])
      expect(await rig.run('complete', ...line), line.join(' ')).toMatchObject({ status: 0, stderr: '' });
  });

  it('waits for no supervisor that does not answer', async () => {
    const socket = join(rig.dir, 'deaf.sock');
    const deaf = createServer(() => undefined).listen(socket);
    await once(deaf, 'listening');
    expect(await rig.run('complete', 'bash', '--', '-s', socket, '--state-dir', '/nowhere', 'drain', '')).toEqual({
      status: 0,
      stdout: 'all\n',
      stderr: '',
    });
    deaf.close();
  });
});

it('poolctl completion names the shells that it knows', async () => {
  expect(await rig.run('completion', 'csh')).toMatchObject({ status: 2, stderr: expect.stringContaining('bash, zsh or fish') });
  expect((await rig.run('completion')).status).toBe(2);
});
