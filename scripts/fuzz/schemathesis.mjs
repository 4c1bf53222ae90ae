/** Schemathesis, which makes requests out of an OpenAPI document and holds the answers to it: installed once into a cache, and run. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '4.32.5';

/** Where a venv cannot be made: there is no Python, or its packages are not to be had. */
export class NotToBeHad extends Error {}

/** @returns {Promise<string>} the path of its program */
export async function install() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const home = join(cache, 'poolctl', `schemathesis-${version}`);
  const program = join(home, 'bin', 'schemathesis');
  // Written last: without it a run that was broken off would leave half of it for the next.
  const whole = join(home, 'whole');
  if (await isThere(whole)) return program;
  process.stderr.write(`installing schemathesis ${version} into ${home}\n`);
  try {
    await rm(home, { recursive: true, force: true });
    await mkdir(home, { recursive: true });
    await run('python3', ['-m', 'venv', home]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-input', '--only-binary', ':all:'];
    await run(join(home, 'bin', 'pip'), [...pip, `schemathesis==${version}`]);
  } catch (error) {
    throw new NotToBeHad(error.code === 'ENOENT' ? 'there is no python3' : error.stderr?.trim() || error.message);
  }
  await writeFile(whole, '');
  return program;
}

const settings = fileURLToPath(new URL('schemathesis.toml', import.meta.url));

/**
 * One run over all operations, by one worker: several threads of it have made Python's parser fail ("AST constructor recursion depth mismatch"). Rejects where it could not be run at all.
 * @param {{ program: string, url: string, directory: string, seed: number, examples: number, signal: AbortSignal }} wish
 * @returns {Promise<{ sound: boolean, told: string }>} `told` is all that it printed
 */
export async function schemathesis({ program, url, directory, seed, examples, signal }) {
  const argv = [
    ...['--config-file', settings, 'run', `${url}/openapi.json`, '--no-shrink', '--generation-database', 'none'],
    ...['--seed', String(seed), '--max-examples', String(examples)],
  ];
  const running = spawn(program, argv, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], signal });
  const failed = once(running, 'error').then(([error]) => Promise.reject(error));
  let told = '';
  for (const stream of [running.stdout, running.stderr])
    stream.setEncoding('utf8').on('data', (piece) => {
      told += piece;
    });
  const [status] = await Promise.race([once(running, 'close'), failed]);
  if (status !== 0 && status !== 1) throw new Error(`schemathesis ended with ${status}\n${told}`);
  return { sound: status === 0, told };
}

function isThere(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
