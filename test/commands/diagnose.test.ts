/** `poolctl diagnose`, in this process: files, stdin, and lines that cannot be understood. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cli } from '../../commands/cli.js';
import { runProgram } from '../../commands/program.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'poolctl-diagnose-'));
  writeFileSync(
    join(dir, 'dead.log'),
    'load_tensors: on CUDA0\nggml_cuda: cudaMalloc failed: out of memory\n\u001b[2Jexiting due to model loading error\n',
  );
  writeFileSync(join(dir, 'quiet.log'), 'loading\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Ran = { readonly status: number; readonly stdout: string; readonly stderr: string };

async function ran(argv: readonly string[], stdin: string | null = null): Promise<Ran> {
  const [out, err, exit]: [string[], string[], number[]] = [[], [], []];
  const cli = {
    version: '0',
    env: {},
    cwd: dir,
    home: dir,
    out: { isTTY: false, columns: undefined },
    err: { isTTY: false, columns: undefined },
    input: {
      isTTY: stdin === null,
      async *pieces() {
        for (const byte of Buffer.from(stdin ?? '')) yield Uint8Array.of(byte);
      },
    },
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void err.push(text),
    exit: (status: number) => void exit.push(status),
  };
  await runProgram(['diagnose', ...argv], cli as unknown as Cli);
  return { status: exit.at(-1) ?? 0, stdout: out.join(''), stderr: err.join('') };
}

describe('diagnose', () => {
  it('says what, where, and what to do, on a few lines', async () => {
    expect(await ran(['dead.log'])).toEqual({
      status: 0,
      stderr: '',
      stdout: [
        'The GPU ran out of memory, while it loaded.',
        '  class      vram_oom (gpu_out_of_memory)',
        '  evidence   line 2: ggml_cuda: cudaMalloc failed: out of memory',
        '  hint       Lower --ctx-size, --n-gpu-layers, --ubatch-size or --parallel, or quantize the KV cache (--cache-type-k q8_0).',
        '',
      ].join('\n'),
    });
  });

  it('answers in JSON with exactly these keys', async () => {
    const answer = JSON.parse((await ran(['dead.log', '--json'])).stdout);
    expect(Object.keys(answer)).toEqual([
      'class',
      'subclass',
      'fatal',
      'restartable',
      'confidence',
      'evidence',
      'summary',
      'hint',
    ]);
    expect(answer).toMatchObject({ class: 'vram_oom', fatal: true, evidence: { line: 2 } });
    expect(JSON.parse((await ran(['quiet.log', '--json'])).stdout)).toMatchObject({
      class: 'unknown',
      subclass: null,
      evidence: null,
    });
  });

  it.each([[[]], [['-']]])('reads stdin without a file, and for "-": %j', async (argv) => {
    const { status, stdout } = await ran([...argv, '--json'], 'x\nCUDA error: an illegal memory access was encountered');
    expect([status, JSON.parse(stdout).subclass]).toEqual([0, 'illegal_memory_access']);
  });

  it.each([
    [['--signal', 'SIGKILL'], { class: 'host_oom', subclass: 'sigkill_no_text', confidence: 'low' }],
    [['--signal', 'kill'], { class: 'host_oom' }],
    [['--signal', '11'], { class: 'crash', subclass: 'segfault' }],
    [['--exit-code', '137'], { class: 'host_oom' }],
    [['--exit-code', '3221226505'], { class: 'crash', subclass: 'abort' }],
    [['--exit-code=-6'], { class: 'crash', subclass: 'abort' }],
    [['--exit-code', '0'], { class: 'unknown', fatal: false }],
  ])('%j fills what the log does not say', async (argv, answer) => {
    expect(JSON.parse((await ran(['quiet.log', ...argv, '--json'])).stdout)).toMatchObject(answer);
  });

  it('gives the hint for the engine that is named', async () => {
    expect((await ran(['dead.log', '--engine', 'vllm'])).stdout).toContain('--max-model-len');
  });

  it.each([
    [['nowhere.log'], 'cannot diagnose "nowhere.log": there is no such file'],
    [['.'], 'cannot diagnose ".": it is a directory'],
    [[], 'cannot diagnose: no log is given, and stdin is a terminal'],
    [['dead.log', '--engine', 'vlm'], 'cannot use engine "vlm": it must be one of llamacpp, vllm, sglang, command, demo'],
    [['dead.log', '--signal', 'SIGKIL'], 'cannot use signal "SIGKIL": there is no such signal'],
    [['dead.log', '--signal', ''], 'cannot use signal "": there is no such signal'],
    [['dead.log', '--exit-code', 'one'], 'cannot use exit code "one": it must be a whole number'],
  ])('refuses %j', async (argv, message) => {
    const { status, stdout, stderr } = await ran(argv);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${message}  [USAGE]\n`);
  });
});
