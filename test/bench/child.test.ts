import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

type Stamp = { readonly name: string; readonly pid: number; readonly at: number };
type Machine = {
  readonly Stamps: new (file: string) => { atLeast(count: number): Promise<Stamp[]> };
  readonly watchExits: (child: { argv: string[] }, pids: number[]) => { begun: Promise<unknown>; gone: Promise<number> };
  readonly nowMs: () => number;
  readonly childProgram: (directory: string) => { argv: string[]; about: string };
};
const { Stamps, watchExits, nowMs, childProgram } = (await import(new URL('machine.mjs', import.meta.url).href)) as Machine;

const hasCompiler = (() => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const inNode = [process.execPath, fileURLToPath(new URL('child.mjs', import.meta.url))];
const kinds = [{ kind: 'in Node', inC: false }, ...(hasCompiler ? [{ kind: 'in C', inC: true }] : [])];

describe.each(kinds)('the child $kind', ({ inC }) => {
  let directory: string;
  let file: string;
  let child: { argv: string[] };
  const started: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bench-child-'));
    file = join(directory, 'stamps');
    child = inC ? childProgram(directory) : { argv: inNode };
  });
  afterEach(() => {
    for (const each of started.splice(0)) each.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  const start = (words: string[], out: number | 'ignore' = 'ignore') => {
    const running = spawn(child.argv[0] ?? '', [...child.argv.slice(1), ...words], { stdio: ['ignore', out, 'inherit'] });
    started.push(running);
    return running;
  };

  it('stamps its first moment, on our clock', async () => {
    const before = nowMs();
    const { pid } = start(['stamp', file, 'a/r0']);
    const [stamp] = await new Stamps(file).atLeast(1);
    expect(stamp).toMatchObject({ name: 'a/r0', pid });
    expect(stamp?.at).toBeGreaterThan(before);
    expect(stamp?.at).toBeLessThan(nowMs());
  });

  it('answers', async () => {
    const port = await freePort();
    start(['http', file, 'a', String(port)]);
    await new Stamps(file).atLeast(1);
    const answer = await untilItListens(() => fetch(`http://127.0.0.1:${port}/health`));
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('floods with every line once, in order, and stamps the end', async () => {
    const out = openSync(join(directory, 'out'), 'a');
    start(['flood', file, 'a', '200000'], out);
    closeSync(out);
    const [begun, ended] = await new Stamps(file).atLeast(2);
    expect(ended?.at).toBeGreaterThan(begun?.at ?? Number.POSITIVE_INFINITY);
    const expected = Array.from({ length: 2000 }, (_, index) => `${String(index).padStart(10, '0')} ${'x'.repeat(88)}\n`).join(
      '',
    );
    expect(readFileSync(join(directory, 'out'), 'utf8')).toBe(expected);
  });

  it('tells when all are gone, and not before', async () => {
    const [one, other] = [start(['stamp', file, 'a']), start(['stamp', file, 'b'])];
    await new Stamps(file).atLeast(2);
    const watched = watchExits(child, [Number(one.pid), Number(other.pid)]);
    await watched.begun;
    one.kill('SIGTERM');
    await once(one, 'exit');
    const begun = nowMs();
    other.kill('SIGTERM');
    expect(await watched.gone).toBeGreaterThan(begun);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The stamp comes before the listener: a refused connection is tried again. */
async function untilItListens(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const answer = await ask().catch((error: unknown) => error);
    if (answer instanceof Response) return answer;
    if (!String((answer as { cause?: unknown }).cause).includes('ECONNREFUSED')) throw answer;
  }
}
