/** The list of replicas that somebody in front of them has, kept by poolctl's handoff files. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listen } from '../rig/listen.js';
import type { Rig } from '../rig/poolctl.js';
import { recipe, rigWithProgram } from './rig.js';

const missing = spawnSync('nginx', ['-v']).error !== undefined;
/** Where everything is to be checked, a check that did not run is a failure. */
const skip = missing && process.env.CI === undefined;
if (missing) process.stderr.write('SKIPPED: the recipe for nginx needs it: apt-get install nginx-light\n');

let rig: Rig;
let out: string;
let ends: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  rig = rigWithProgram(`version: 1
supervisor: { ports: 30740-30749 }
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], args: [--load-time, "50", --alias, "${'$'}{REPLICA_ID}"], health: { startup_interval: 50ms } }
`);
  out = join(rig.dir, 'backends');
  ends = [];
});
afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  await rig.end();
});

function run(program: string, ...args: string[]) {
  const child = spawn(program, args, { cwd: rig.dir, env: { ...rig.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const heard = listen(child);
  ends.push(async () => {
    child.kill();
    await heard.ended;
  });
  return heard;
}

const backends = (...args: string[]) =>
  run(recipe('backends.mjs'), '--pool', 'chat', '--out', out, '--handoff', join(rig.state, 'handoff'), ...args);
const serving = async (): Promise<void> => {
  await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s');
};
const listed = (): readonly string[] => {
  const list = existsSync(out) ? readFileSync(out, 'utf8') : '';
  return [...list.matchAll(/127\.0\.0\.1:307\d\d/g)].map(([address]) => address);
};
async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await sleep(25);
}

describe('backends.mjs', () => {
  it('has who serves, from before the first engine on, and tells of every change', async () => {
    const { says } = backends('--', 'sh', '-c', 'echo "told of $(grep -c 127.0.0.1:307 backends)" >&2');
    await serving();
    await says('told of 2');
    await rig.run('drain', 'chat/r0');
    await says('told of 1');
    expect(listed()).toEqual(['127.0.0.1:30741']);
    await rig.run('stop', 'chat');
    await says('told of 0');
    expect(readFileSync(out, 'utf8')).toBe('upstream chat {\n  least_conn;\n  server 127.0.0.1:9 down;\n}\n');
  });

  it('writes what LiteLLM reads', async () => {
    await serving();
    backends('--format', 'litellm');
    await until(() => listed().length === 2);
    const { model_list } = parse(readFileSync(out, 'utf8'));
    expect(model_list).toHaveLength(2);
    expect(model_list[0]).toMatchObject({ model_name: 'chat', litellm_params: { api_base: 'http://127.0.0.1:30740/v1' } });
    expect(model_list[0].litellm_params.model).toMatch(/^openai\/.+/);
  });

  it('says how it is used, and where it cannot write', async () => {
    expect(await run(recipe('backends.mjs'), '--pool', 'chat').ended).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('usage: '),
    });
    expect(await run(recipe('backends.mjs'), '--help').ended).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^usage: /),
    });
    expect(await run(recipe('backends.mjs'), '--poool', 'chat').ended).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error: Unknown option '--poool'.*\nusage: /),
    });
    await serving();
    mkdirSync(out);
    expect(await backends().ended).toMatchObject({ status: 1, stderr: expect.stringContaining('error: cannot write') });
  });

  it.skipIf(skip)('lets nginx answer while engines come and go (skipped without it: apt-get install nginx-light)', async () => {
    await serving();
    const conf = join(rig.dir, 'nginx.conf');
    // What the page prints of nginx.conf, in what every nginx needs around it.
    const server = /```nginx\n([\s\S]*?)```/.exec(readFileSync(recipe('README.md'), 'utf8'))?.[1] ?? '';
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${rig.dir}/${name};`);
    writeFileSync(
      conf,
      `pid ${rig.dir}/nginx.pid; events {} http { access_log off; ${temp.join(' ')} include ${out}; ${server.replace('8000', '30749')} }`,
    );
    const nginx = [
      '-p',
      rig.dir,
      '-c',
      conf,
      '-e',
      join(rig.dir, 'nginx.err'),
      '-g',
      `daemon off;${process.getuid?.() === 0 ? ' user root;' : ''}`,
    ];
    backends('--', 'nginx', ...nginx, '-s', 'reload');
    await until(() => listed().length === 2);
    run('nginx', ...nginx);
    /** Who answers; the status where nobody does. */
    const ask = async (): Promise<string | number> => {
      // A connection of its own: nginx closes those that wait when it reads its list anew.
      const [answer] = (await once(get('http://127.0.0.1:30749/v1/models', { agent: false }), 'response')) as [IncomingMessage];
      const body = await text(answer);
      return answer.statusCode === 200
        ? ((JSON.parse(body) as { data: { id: string }[] }).data[0]?.id ?? '')
        : (answer.statusCode ?? 0);
    };
    // nginx reads its list a moment after it was told.
    const hearsFrom = (id: string): Promise<void> => until(async () => (await ask().catch(() => 0)) === id);
    await hearsFrom('r0');
    await rig.run('drain', 'chat/r0');
    for (let n = 0; n < 20; n += 1) expect(await ask()).toBe('r1');
    await rig.run('start', 'chat/r0');
    await hearsFrom('r0');
    await rig.run('stop', 'chat/r1');
    for (let n = 0; n < 20; n += 1) expect(await ask()).toBe('r0');
  });
});
