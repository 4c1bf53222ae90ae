/** The examples of poolctl-api(7), run as they are printed against the inventory that ships; and its lists of fields, held against the answers. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../src/api/routes.js';
import { parseExposition } from '../rig/exposition.js';
import { Rig, type Supervisor } from '../rig/poolctl.js';
import { items, manDir, page, section, subsections, typed } from './page.js';

const api = page('poolctl-api.7');
const lines = typed(section(api, 'EXAMPLES'));
const isStream = (line: string): boolean => line.includes('curl -sN ');
const missing = spawnSync('curl', ['--version']).error !== undefined;
/** Where everything is to be checked, a check that did not run is a failure. */
const skip = missing && process.env.CI === undefined;
if (missing) process.stderr.write('SKIPPED: the examples of poolctl-api(7) need curl: apt-get install curl\n');
/** Between the answers of two lines. */
const separator = '\u001e';

let rig: Rig;
let supervisor: Supervisor;
let env: Record<string, string>;

beforeAll(async () => {
  rig = new Rig();
  const runtime = join(rig.dir, 'run');
  mkdirSync(join(runtime, 'poolctl'), { recursive: true, mode: 0o700 });
  copyFileSync(join(manDir, '../pools.yaml'), join(rig.dir, 'pools.yaml'));
  // An answer that is an error ends curl with a status of its own.
  writeFileSync(join(rig.dir, '.curlrc'), 'fail\nshow-error\n');
  env = { PATH: process.env.PATH ?? '', HOME: rig.dir, CURL_HOME: rig.dir, XDG_RUNTIME_DIR: runtime };
  supervisor = await rig.up('--socket', join(runtime, 'poolctl/poolctl.sock'));
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '60s');
}, 90_000);
afterAll(() => rig.end());

describe('the examples (those that run are skipped without curl: apt-get install curl)', () => {
  const socket = lines[0] ?? '';

  it('show every route', () => {
    const shown = routes.filter(({ method, path }) => lines.some((line) => asks(line, method, path)));
    expect(shown.map(({ path }) => path)).toEqual(routes.map(({ path }) => path));
  });

  it.skipIf(skip)('of streams begin to tell what happens', async () => {
    const [stream = ''] = lines.filter(isStream);
    const child = spawn('sh', ['-c', `${socket}\nexec ${stream}`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^: poolctl events\n/);
    child.kill();
    await once(child, 'close');
  });

  it.skipIf(skip)(
    'work one after another, and the last one ends the supervisor',
    async () => {
      const script = lines
        .filter((line) => !isStream(line))
        .map((line) => `${line}\nprintf '${separator}'`)
        .join('\n');
      const child = spawn('sh', ['-e', '-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [status] = (await once(child, 'close')) as [number | null];
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const answers = stdout.split(separator).filter((answer) => answer !== '');
      expect(answers).toHaveLength(lines.filter((line) => line.startsWith('curl') && !isStream(line)).length);
      const [metrics = '', log] = answers.filter((answer) => !answer.startsWith('{'));
      const live = parseExposition(metrics).get('pool_live')?.samples.get('pool_live{pool_id="demo"}');
      expect(live?.value).toBe(1);
      expect(log?.split('\n').filter((line) => line !== '')).toHaveLength(3);
      const bodies = answers.filter((answer) => answer.startsWith('{')).map((answer) => JSON.parse(answer) as Body);

      const [
        ,
        document,
        status_,
        ,
        ,
        ,
        ,
        leases,
        renewed,
        returned,
        stop,
        ,
        restart,
        drain,
        ,
        reset,
        planned,
        applied,
        reload,
        shutdown,
      ] = bodies;
      expect(bodies[0]).toEqual({ status: 'ok', version: expect.any(String) });
      expect(document).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./), info: { version: bodies[0]?.version } });
      expect(leases).toMatchObject({ leases: [{ pool_id: 'demo', replica_id: 'r0', holder: 'me' }] });
      expect([...fieldsOf(section(api, 'LEASES'))].sort()).toEqual(Object.keys(renewed ?? {}).sort());
      expect(returned).toEqual({ status: 204 });
      expect(stop).toMatchObject({ kind: 'stop', state: 'running', steps: [{ replica_id: 'r0' }] });
      expect(restart).toMatchObject({ kind: 'restart', state: 'succeeded', outcome: 'ready' });
      expect(drain).toMatchObject({ kind: 'drain', changed: true, steps: [{ replica_id: 'r0' }] });
      expect(reset).toMatchObject({ kind: 'reset', steps: [{ replica_id: 'r0' }] });
      for (const answer of [planned, applied])
        expect(answer).toEqual({ changed: false, plan: [{ pool_id: 'demo', action: 'keep', reasons: [] }] });
      expect(reload).toMatchObject({ kind: 'reload', state: 'running', changed: true, steps: [{}, {}, {}] });
      expect(shutdown).toMatchObject({ kind: 'shutdown' });
      expect(await supervisor.ended).toBe(0);

      const listed = new Map(subsections(section(api, 'STATUS')).map(([title, text]) => [title, fieldsOf(text)]));
      const [pool] = status_?.pools ?? [];
      expect(listed.get('supervisor')).toEqual(Object.keys(status_?.supervisor ?? {}));
      expect(listed.get('pools')).toEqual(Object.keys(pool ?? {}));
      expect(listed.get('replicas')).toEqual(Object.keys(pool?.replicas[0] ?? {}));
      expect([...fieldsOf(section(api, 'OPERATIONS'))].sort()).toEqual([...Object.keys(restart ?? {}), 'error'].sort());
    },
    90_000,
  );
});

type Body = {
  readonly version?: string;
  readonly supervisor?: object;
  readonly pools?: readonly { readonly replicas: readonly object[] }[];
};

function asks(line: string, method: string, path: string): boolean {
  const sent = /-X (\w+)/.exec(line)?.[1] ?? (/-d /.test(line) ? 'POST' : 'GET');
  const pattern = path.replace(/\{\w+\}/g, '[^/?"]+');
  return sent === method && new RegExp(`http://poolctl${pattern}(?=[\\s"?]|$)`).test(line);
}

function fieldsOf(text: readonly string[]): readonly string[] {
  return items(text).map(({ head }) => head.replace('Cm ', ''));
}
