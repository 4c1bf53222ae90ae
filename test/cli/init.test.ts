/** The first run: from a machine of which nothing is known to something that runs. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { writeCorruptModel, writeTinyModel } from '../rig/gguf.js';
import { type Json, program, Rig } from '../rig/poolctl.js';
import { bareMachine, fakeLlamaServer } from '../rig/programs.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.env.PATH = bareMachine(join(rig.dir, 'helpers'));
});
afterEach(() => rig.end());

const file = (name = 'pools.yaml'): string => readFileSync(join(rig.dir, name), 'utf8');

/** Two GPUs, a llama-server that sees them, three models of which one is cut off. */
async function equip(): Promise<void> {
  const bin = join(rig.dir, 'bin');
  fakeLlamaServer(bin, ['CUDA0', 'CUDA1']);
  const { env } = await fakeNvidiaSmi(join(rig.dir, 'gpus'), { gpus: [{ index: 0 }, { index: 1 }] }, `${bin}:${rig.env.PATH}`);
  Object.assign(rig.env, env);
  mkdirSync(join(rig.dir, 'models'));
  writeTinyModel(join(rig.dir, 'models/small.gguf'));
  writeTinyModel(join(rig.dir, 'models/bigger.gguf'), { layers: 8 });
  writeCorruptModel(join(rig.dir, 'models/cut.gguf'), { layers: 20 });
}

it('without GPU, engine or model it ends in something that runs: the demo engine', async () => {
  const begun = await rig.run('init', '--yes');
  expect(begun).toMatchObject({
    status: 0,
    stdout: 'Wrote pools.yaml (1 pool, 2 replicas). Next: poolctl check, then poolctl up\n',
  });
  expect(begun.stderr).toMatch(
    /^Found no GPU .*\nFound no engine\. Not on PATH: llama-server, vllm, sglang\nFound no GGUF model in ~\/models, /,
  );
  expect(begun.stderr).toMatch(/\nTo serve a GGUF model install llama\.cpp .*\nTo get a model that fits: hf download /);
  expect(await rig.run('check')).toMatchObject({ status: 0, stdout: '1 pool, 2 replicas, no problems in pools.yaml\n' });
  await rig.up();
  expect((await rig.run('wait', 'all', '--for', 'ready', '--timeout', '30s')).status).toBe(0);
  expect((await rig.run('status')).status).toBe(0);
  expect(await rig.run('drian')).toMatchObject({ status: 2, stderr: expect.stringContaining('try:  poolctl drain\n') });
  expect(await rig.run('drain', 'dmeo')).toMatchObject({
    status: 8,
    stderr: expect.stringContaining('try:  poolctl drain demo '),
  });
  expect(await rig.run('drain', 'demo/r9')).toMatchObject({
    status: 8,
    stderr: expect.stringContaining('try:  poolctl drain demo/r0 '),
  });
});

it('with GPUs, an engine and models it picks what fits, and check and plan take it as it is', async () => {
  await equip();
  const { status, stderr } = await rig.run('init', '--yes');
  expect(status).toBe(0);
  expect(stderr).toContain('Found 2 GPUs: 0 RTX 3090 24 GiB');
  expect(stderr).toContain('Found llama-server b6710-c392e509');
  expect(stderr).toContain('Found 3 models; the biggest that fits one GPU with 16k context: bigger.gguf (about ');
  expect(stderr).toContain('Left out cut.gguf: it is cut off: ');
  expect(await rig.run('check')).toMatchObject({ status: 0, stdout: '1 pool, 2 replicas, no problems in pools.yaml\n' });
  const { replicas } = await rig.json('plan');
  expect(replicas).toMatchObject([{ device_mask: '0' }, { device_mask: '1' }]);
  expect(replicas[0].argv).toEqual(expect.arrayContaining([join(rig.dir, 'models/bigger.gguf'), '--ctx-size', '16384']));
  // Others on this machine may have the ports just now: up passes over them.
  const hindered = replicas.flatMap(({ obstacles }: Json) => obstacles.map(({ text }: Json) => text));
  expect(hindered.filter((text: string) => !text.includes('the port is held'))).toEqual([]);
  expect(file()).toContain('\n    # model: ~/models/small.gguf # ');
});

describe('a file that is there', () => {
  it('is left as it is, with a diff that shows no secret; --force replaces it, as a link leads', async () => {
    const before = 'version: 1\npools:\n  mine: { engine: demo, device_masks: [cpu], env: { API_KEY: hunter2 } }\n';
    writeFileSync(join(rig.dir, 'real.yaml'), before);
    symlinkSync('real.yaml', join(rig.dir, 'pools.yaml'));
    const refused = await rig.run('init', '--yes');
    expect(refused).toMatchObject({ status: 7, stdout: '' });
    expect(refused.stderr).toMatch(
      /\n- {3}mine: .*\n\+ {3}demo: [\s\S]*\nerror: cannot write "pools\.yaml": it is there already {2}\[FILE_EXISTS\]\n/,
    );
    expect(refused.stderr).not.toContain('hunter2');
    expect(file()).toBe(before);
    expect((await rig.json('init', '--yes')).error.code).toBe('FILE_EXISTS');
    expect((await rig.run('init', '--yes', '--force')).status).toBe(0);
    expect(file('real.yaml')).toContain('engine: demo');
    expect(await rig.run('init')).toMatchObject({ status: 0, stdout: expect.stringContaining('pools.yaml is so already') });
    expect(readdirSync(rig.dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('is not touched by --stdout, which prints what would be written, and that alone', async () => {
    const { status, stdout } = await rig.run('init', '--stdout');
    expect(status).toBe(0);
    expect(existsSync(join(rig.dir, 'pools.yaml'))).toBe(false);
    writeFileSync(join(rig.dir, 'named.yaml'), stdout);
    expect((await rig.run('check', 'named.yaml')).status).toBe(0);
    const { inventory, written, found } = await rig.json('init', '--stdout');
    expect({ inventory, written }).toEqual({ inventory: stdout, written: false });
    expect(found).toContainEqual(expect.stringMatching(/^Found no GPU/));
    expect(await rig.run('init', '--file', 'other.yaml')).toMatchObject({
      stdout: expect.stringContaining('Next: poolctl check --file other.yaml'),
    });
    expect(file('other.yaml')).toBe(stdout);
    expect(statSync(join(rig.dir, 'other.yaml')).mode & 0o022).toBe(0);
  });

  it('cannot be written where its directory is not there', async () => {
    expect(await rig.run('init', '--file', 'nowhere/pools.yaml')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /error: cannot write "nowhere\/pools\.yaml": .* {2}\[WRITE_FAILED\]\n {2}try: {2}poolctl init --stdout/,
      ),
    });
  });
});

describe('on a terminal', () => {
  /** Answers each question once it stands there. */
  async function talk(...answers: readonly (readonly [question: RegExp, answer: string])[]) {
    const terminal = spawn('/usr/bin/script', ['-qefc', `exec ${process.execPath} ${program} init`, '/dev/null'], {
      cwd: rig.dir,
      env: { ...rig.env, SHELL: '/bin/sh' },
    });
    const ended = once(terminal, 'close');
    const left = [...answers];
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      for (let next = left[0]; next?.[0].test(shown); next = left[0]) {
        terminal.stdin.write(next[1]);
        shown += `<${left.shift()?.[1].trim()}>`;
      }
    });
    const [status] = await ended;
    return { status, shown, unasked: left.length };
  }

  it('asks which model and whether to write, and takes the word', async () => {
    await equip();
    const talked = await talk(
      [/Which model\? \[1\] $/, '7\n'],
      [/a number from 1 to 2, please\s+Which model\? \[1\] $/, '2\n'],
      [/Write pools\.yaml\? \[Y\/n\] $/, 'y\n'],
    );
    expect(talked).toMatchObject({ status: 0, unasked: 0 });
    expect(talked.shown).toMatch(/ {2}1 {2}bigger\.gguf \(about .*\)\s+2 {2}small\.gguf/);
    expect(file()).toContain('\n    model: ~/models/small.gguf # ');
  });

  it('writes nothing after a no, nor when the terminal says no more', async () => {
    for (const answer of ['n\n', '\u0004']) {
      expect(await talk([/Write pools\.yaml\? \[Y\/n\] $/, answer]), answer).toMatchObject({
        status: 1,
        shown: expect.stringContaining('Nothing was written.'),
      });
      expect(existsSync(join(rig.dir, 'pools.yaml'))).toBe(false);
    }
  });
});
