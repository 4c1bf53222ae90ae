/** Finding and reading the file, and what is told of it as a whole. */

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { readInventory, type Search } from '../../src/inventory/read.js';
import { checkReport, examine, refusal } from '../../src/inventory/report.js';
import { scratchDir } from '../host/scratch.js';
import { everyKey } from './judging.js';

const least = 'version: 1\npools: {}\n';

async function place(files: Readonly<Record<string, string | Buffer>>): Promise<Search> {
  const dir = await scratchDir();
  const [cwd, home] = [join(dir, 'cwd'), join(dir, 'home')];
  await Promise.all([cwd, home].map((each) => mkdir(each)));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  return { named: undefined, env: {}, cwd, home };
}

const textOf = async (search: Search): Promise<string | null> => {
  const found = await readInventory(search);
  return found.ok ? `${found.value.shown} ${found.value.text}` : null;
};

describe('is looked for', () => {
  it('where it is named, else here, else in the configuration', async () => {
    const search = await place({
      'cwd/pools.yaml': 'here',
      'cwd/other.yaml': 'other',
      'home/.config/poolctl/pools.yaml': 'home',
      'xdg/poolctl/pools.yaml': 'xdg',
    });
    const xdg = join(search.home, '..', 'xdg');
    expect(await textOf({ ...search, named: 'other.yaml', env: { POOLCTL_FILE: 'pools.yaml' } })).toBe('other.yaml other');
    expect(await textOf({ ...search, env: { POOLCTL_FILE: 'other.yaml' } })).toBe('other.yaml other');
    expect(await textOf({ ...search, env: { POOLCTL_FILE: '' } })).toBe('pools.yaml here');
    const elsewhere = { ...search, cwd: search.home };
    expect(await textOf({ ...elsewhere, env: { XDG_CONFIG_HOME: xdg } })).toBe(`${xdg}/poolctl/pools.yaml xdg`);
    expect(await textOf({ ...elsewhere, env: { XDG_CONFIG_HOME: 'relative' } })).toBe('.config/poolctl/pools.yaml home');
    expect(await readInventory({ ...search, named: 'none.yaml' })).toMatchObject({
      ok: false,
      error: {
        file: 'none.yaml',
        code: 'FILE_NOT_FOUND',
        message: 'cannot read the inventory: there is no such file',
        line: null,
      },
    });
    expect(await readInventory({ ...(await place({})), env: { XDG_CONFIG_HOME: xdg } })).toMatchObject({ ok: true });
    expect(await readInventory(await place({}))).toMatchObject({
      ok: false,
      error: { hint: 'poolctl init writes one; or name one with --file' },
    });
  });
});

describe('cannot be read', () => {
  it('where it is a directory, a circle of links, endless, too large or empty', async () => {
    const search = await place({
      'cwd/large.yaml': '#'.repeat(1024 * 1024 + 1),
      'cwd/full.yaml': '#'.repeat(1024 * 1024),
      'cwd/empty.yaml': '',
    });
    await mkdir(join(search.cwd, 'dir.yaml'));
    await symlink('loop.yaml', join(search.cwd, 'loop.yaml'));
    const said = async (named: string): Promise<unknown> => {
      const found = await readInventory({ ...search, named });
      return found.ok ? 'read' : found.error.message.replace('cannot read the inventory: ', '');
    };
    expect(await said('dir.yaml')).toBe('it is a directory');
    expect(await said('loop.yaml')).toBe('its links go round in a circle');
    expect(await said('empty.yaml/below')).toBe('a part of its path is no directory');
    expect(await said('/dev/zero')).toBe('it has more than 1 MiB');
    expect(await said('large.yaml')).toBe('it has more than 1 MiB');
    expect(await said('full.yaml')).toBe('read');
    expect(await said('empty.yaml')).toBe('it is empty');
    expect(await said('/dev/null')).toBe('it is empty');
  });

  test.each([
    [[0x61, 0x0a, 0x62, 0xc3, 0x28], 2, 2],
    [[0x61, 0xff], 1, 2],
    [[0xff, 0xfe, 0x61, 0x00], 1, 1],
    [[0xe6, 0xa8, 0xa1, 0xe6, 0xa8], 1, 2],
    [[0xef, 0xbb, 0xbf, 0x61, 0x80], 1, 2],
  ])('where it is not UTF-8, and the place is told but not shown: %j', async (bytes, line, column) => {
    const search = await place({ 'cwd/pools.yaml': Buffer.from(bytes) });
    expect(await readInventory(search)).toMatchObject({
      ok: false,
      error: { code: 'YAML_SYNTAX', line, column, message: 'what follows is not UTF-8', excerpt: null },
    });
  });

  it('not because of a byte order mark, which is no character of it', async () => {
    expect(await textOf(await place({ 'cwd/pools.yaml': `\ufeff${least}` }))).toBe(`pools.yaml ${least}`);
  });
});

describe('as a whole', () => {
  const users: string[] = [];
  const models: string[] = [];
  const machine = {
    modelName: async (path: string) => {
      models.push(path);
      return path.endsWith('nameless.gguf') ? null : 'Qwen3 8B';
    },
    devices: async () => ({ devices: [], tool: 'none', note: null, processes: null, askedAt: 0 }) as const,
    userExists: async (name: string) => {
      users.push(name);
      return name === 'llm';
    },
  };

  it('is judged with the machine, or without looking at it', async () => {
    const search = await place({
      'cwd/pools.yaml':
        'version: 1\npools:\n  a: { engine: demo, device_masks: [cpu], user: llm }\n  b: { engine: demo, device_masks: [cpu], user: nemo }\n',
    });
    const found = await examine(search, machine);
    expect(users).toEqual(['llm', 'nemo']);
    expect(checkReport(found)).toMatchObject({
      exit: 4,
      json: { ok: false, problems: [{ line: 4, column: 49, code: 'INVALID_VALUE' }] },
    });
    expect(checkReport(found).json.problems[0]).not.toHaveProperty('excerpt');
    expect(refusal(found, 'Nothing was started.')).toMatch(/\n1 error in pools\.yaml\. Nothing was started\.\n$/);
    expect(checkReport(await examine(search, null))).toEqual({
      exit: 0,
      text: '2 pools, 2 replicas, no problems in pools.yaml\n',
      json: { ok: true, problems: [] },
    });
  });

  it('has the names that model files give, where nobody gives another and the machine is looked at', async () => {
    const search = await place({
      'cwd/pools.yaml': `version: 1
defaults: { device_masks: [cpu] }
pools:
  named: { model: /m/a-00001-of-00002.gguf }
  nameless: { model: /m/nameless.gguf }
  given: { model: /m/b.gguf, model_id: mine }
  directory: { engine: vllm, model: /m/c }
  hub: { model: "hf:org/repo/d.gguf" }
  same: { model: /m/a-00001-of-00002.gguf, engine: demo, user: llm }
`,
    });
    const ids = async (looked: typeof machine | null) =>
      (await examine(search, looked)).inventory?.pools.map(({ modelId, modelIdGiven }) => [modelId, modelIdGiven]);
    const others = [
      ['mine', true],
      ['c', false],
      ['d', false],
    ];
    expect(await ids(machine)).toEqual([['Qwen3 8B', false], ['nameless', false], ...others, ['Qwen3 8B', false]]);
    expect(models).toEqual(['/m/a-00001-of-00002.gguf', '/m/nameless.gguf']);
    const last = 'a-00001-of-00002';
    expect(await ids(null)).toEqual([[last, false], ['nameless', false], ...others, [last, false]]);
  });

  it('may have warnings, which are told by check and are nothing to up', async () => {
    const search = await place({
      'cwd/pools.yaml': 'version: 1\npools: { a: { engine: demo, env: { A: { from_env: NOT_SET } } } }\n',
    });
    const found = await examine(search, null);
    expect(checkReport(found)).toMatchObject({ exit: 0, json: { ok: true, problems: [{ severity: 'warning' }] } });
    expect(checkReport(found).text).toMatch(/warning: .*\n1 warning in pools\.yaml\n$/s);
    expect(refusal(found, 'Nothing was started.')).toBe('');
  });

  it('that is not there is a problem of the file, told like the others', async () => {
    const found = await examine(await place({}), machine);
    expect(checkReport(found).text).toMatch(
      /^pools\.yaml: error: cannot find an inventory: .* {2}\[FILE_NOT_FOUND\]\n {2}try: {2}poolctl init writes one; or name one with --file\n1 error in pools\.yaml\n$/,
    );
  });

  it('with every key warns of nothing but what is not set', async () => {
    const found = await examine(await place({ 'cwd/pools.yaml': everyKey }), null);
    expect(found.problems.map(({ message }) => message)).toEqual(['pools.chat.env.TOKEN is read from OTHER, which is not set']);
    expect(found.inventory).not.toBeNull();
  });
});
