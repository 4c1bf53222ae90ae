/** Real demo engines for tests: built once a file, started with flags, steered over their port, gone at the test's end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

export type Reply = { readonly status: number; readonly body: string; readonly json: () => unknown };

export type DemoEngine = {
  readonly pid: number;
  readonly port: number;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** All of stderr so far. */
  log(): string;
  stdout(): string;
  /** Resolves as soon as stderr holds it; rejects when the engine ends before. */
  logged(text: string): Promise<void>;
  get(path: string): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
};

export async function buildDemoEngine(outfile: string): Promise<string> {
  await build({
    entryPoints: ['src/demo/engine.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

/** As an engine is spawned: a group of its own, no stdin. Resolves at once; wait for its log. */
export async function startDemoEngine(script: string, ...flags: readonly string[]): Promise<DemoEngine> {
  const port = await freePort();
  const child = spawn(process.execPath, [script, '--port', String(port), ...flags], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('cannot start the demo engine');
  onTestFinished(() => endGroup(pid));
  const log = collect(child, 'stderr');
  const stdout = collect(child, 'stdout');
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid,
    port,
    exited,
    log: log.text,
    stdout: stdout.text,
    logged: log.holds,
    get: (path) => ask(port, 'GET', path),
    post: (path, body, headers) => ask(port, 'POST', path, body, headers),
  };
}

function collect(child: ChildProcess, name: 'stderr' | 'stdout'): { text: () => string; holds: (text: string) => Promise<void> } {
  let text = '';
  child[name]?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    text: () => text,
    holds: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve();
        };
        child[name]?.on('data', look);
        child.once('close', () => reject(new Error(`it ended without "${wanted}" in its ${name}: ${text}`)));
        look();
      }),
  };
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, json: () => JSON.parse(text) }));
    });
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}
