/** Each code where it belongs: the column of the value for a bad value, of the key for an unknown or repeated one, of the parent key for a missing one. */

import { describe, expect, it, test } from 'vitest';
import { renderProblems } from '../../src/inventory/render.js';
import { deviceOf } from '../rig/launch.js';
import { errorsOf, expectSound, judge, withDevices } from './judging.js';

const gpus = withDevices(deviceOf('0', { uuid: 'GPU-aaaa1111-0000' }), deviceOf('1', { uuid: 'GPU-aaaa2222-0000' }));
/** A pool of the demo engine on cpu, with these keys in a line of their own: line 4. */
const pool = (keys: string): string => `version: 1\npools:\n  chat: { engine: demo, device_masks: [cpu],\n    ${keys} }\n`;

describe('each code', () => {
  test.each([
    ['YAML_SYNTAX', pool('args: [--x: «}')],
    ['YAML_SYNTAX', 'version: 1\npools:\n  a: «"open\n  b: {}\n'],
    ['YAML_SYNTAX', 'version: 1\npools:\n«\ta: {}\n'],
    ['YAML_SYNTAX', 'version: 1\npools: «*nobody\n'],
    ['YAML_SYNTAX', 'version: 1\npools: &a { x: «*a }\n'],
    ['YAML_SYNTAX', 'version: 1\npools: {}\n«---\npools: {}\n'],
    ['YAML_SYNTAX', 'version: 1\npools: «!map {}\n'],
    ['YAML_SYNTAX', 'version: 1\npools: { «[a]: {} }\n'],
    ['UNKNOWN_KEY', pool('«modle: x')],
    ['UNKNOWN_KEY', pool('health: { path: /, «timeot: 1s }')],
    ['UNKNOWN_KEY', '«pool: {}\nversion: 1\npools: {}\n'],
    ['UNKNOWN_KEY', 'version: 1\npools:\n  a: { engine: demo, «<<: {} }\n'],
    ['MISSING_KEY', '«pools: {}\n'],
    ['MISSING_KEY', 'version: 1\npools:\n  «chat:\n    device_masks: [cpu]\n'],
    ['MISSING_KEY', 'version: 1\npools:\n  «chat: { engine: command }\n'],
    ['MISSING_KEY', 'version: 1\npools:\n  «chat: { engine: vllm }\n'],
    ['MISSING_KEY', 'version: 1\npools:\n  «chat: { model: org/repo }\n'],
    ['MISSING_KEY', pool('env: { «A: {} }')],
    ['WRONG_TYPE', pool('share: «1')],
    ['WRONG_TYPE', pool('args: «x')],
    ['WRONG_TYPE', pool('args: [x, «5]')],
    ['WRONG_TYPE', pool('health: «none')],
    ['WRONG_TYPE', pool('health: { interval: «5 }')],
    ['WRONG_TYPE', 'version: 1\npools: «[]\n'],
    ['INVALID_VALUE', pool('port: «70000')],
    ['INVALID_VALUE', pool('host: «"a b"')],
    ['INVALID_VALUE', pool('health: { failure_threshold: «0 }')],
    ['INVALID_VALUE', 'version: 1\npools:\n  «Chat: { engine: demo }\n'],
    ['INVALID_VALUE', pool('env: { «1A: x }')],
    ['INVALID_VALUE', pool('restart: { backoff: { max: 1s, min: «2s } }')],
    ['INVALID_VALUE', 'version: 1\npools:\n  a: { engine: demo, device_masks: [cpu, «"0,0"] }\n'],
    ['INVALID_VALUE', 'version: 1\npools:\n  a: { engine: llamacpp, model: «"ftp://x/a.gguf", device_masks: [cpu] }\n'],
    ['UNKNOWN_PLACEHOLDER', pool('args: [--port, «"${PROT}"]')],
    ['UNKNOWN_PLACEHOLDER', pool('env: { A: «"${PORT" }')],
    ['UNKNOWN_DEVICE', 'version: 1\npools:\n  a: { engine: demo, device_masks: [0, «7] }\n'],
    ['UNKNOWN_DEVICE', 'version: 1\npools:\n  a: { engine: demo, device_masks: [[0, «GPU-cccc]] }\n'],
    ['UNKNOWN_DEVICE', 'version: 1\npools:\n  a: { engine: demo, device_masks: [«GPU-aaaa] }\n'],
    ['NO_DEVICES', 'version: 1\npools:\n  «a: { model: a.gguf }\n'],
    ['NO_DEVICES', 'version: 1\npools:\n  a: { model: a.gguf, device_masks: [«all] }\n'],
    [
      'DEVICE_CONFLICT',
      'version: 1\npools:\n  a: { engine: demo, device_masks: [0] }\n  b: { engine: demo, device_masks: [1, «0] }\n',
    ],
    ['DEVICE_CONFLICT', 'version: 1\npools:\n  a: { engine: demo, device_masks: [[1, 0], «all] }\n'],
    [
      'PORT_CONFLICT',
      'version: 1\npools:\n  a: { engine: demo, device_masks: [cpu, cpu], port: 90 }\n  b: { engine: demo, device_masks: [cpu], port: «91 }\n',
    ],
    [
      'PORT_CONFLICT',
      'version: 1\nsupervisor: { listen: "127.0.0.1:90" }\npools:\n  a: { engine: demo, device_masks: [cpu], port: «90 }\n',
    ],
    ['SPLIT_MISMATCH', 'version: 1\npools:\n  a: { engine: demo, device_masks: [[0, 1]], tensor_split: «[0.5, 0.4] }\n'],
    ['SPLIT_MISMATCH', 'version: 1\npools:\n  a: { engine: demo, device_masks: [0], tensor_split: «[0.5, 0.5] }\n'],
    ['MASK_VARIABLE', pool('env: { «CUDA_VISIBLE_DEVICES: "0" }')],
    ['MASK_VARIABLE', pool('env: { «POOLCTL_INSTANCE: x }')],
    ['DUPLICATE_KEY', pool('«engine: command')],
    ['DUPLICATE_KEY', 'version: 1\npools:\n  a: { engine: demo }\n  «"a": { engine: demo }\n'],
  ])('%s: %j', (code, marked) => {
    const text = marked.replace('«', '');
    const [line = '', ...above] = marked.slice(0, marked.indexOf('«')).split('\n').reverse();
    const surroundings = code === 'NO_DEVICES' ? {} : gpus;
    expectSound(text, judge(text, surroundings));
    const found = errorsOf(text, surroundings).filter((error) => error.endsWith(code));
    expect(found).toEqual([`${above.length + 1}:${line.length + 1} ${code}`]);
  });

  it('FILE_NOT_FOUND has no place', () => {
    for (const text of ['', ' \n# nothing\n', '---\n', 'null\n', '~'])
      expect(judge(text).problems).toMatchObject([{ code: 'FILE_NOT_FOUND', line: null, column: null }]);
  });
});

describe('as people read it', () => {
  const shown = (text: string): string => renderProblems(judge(text).problems, 'pools.yaml', 'Nothing was started.');

  it('every mistake at once, in the order of the file, with what was meant and what to do', () => {
    expect(
      shown(`version: 1
pools:
  chat:
    engine: command
    device_masks: [cpu]
    modle: /models/qwen.gguf
    autostart: yes
    stop: { grace: 5 }
    restart: { polcy: always }
  all: { engine: demo }
`),
    ).toBe(`pools.yaml:3:3: error: missing key "command" in pools.chat  [MISSING_KEY]
  3 |   chat:
    |   ^^^^ command: [/path/to/program, --port, "\${PORT}"]
pools.yaml:6:5: error: unknown key "modle" in pools.chat  [UNKNOWN_KEY]
  6 |     modle: /models/qwen.gguf
    |     ^^^^^ did you mean "model"?
pools.yaml:7:16: error: pools.chat.autostart must be true or false, is "yes"  [WRONG_TYPE]
  7 |     autostart: yes
    |                ^^^ write true
pools.yaml:8:20: error: pools.chat.stop.grace must be a duration with its unit, such as 30s, is 5  [WRONG_TYPE]
  8 |     stop: { grace: 5 }
    |                    ^ write the unit: 5s
pools.yaml:9:16: error: unknown key "polcy" in pools.chat.restart  [UNKNOWN_KEY]
  9 |     restart: { polcy: always }
    |                ^^^^^ did you mean "policy"?
pools.yaml:10:3: error: the pool id "all" must be lower-case letters, digits and hyphens, at most 63, and not "all"  [INVALID_VALUE]
 10 |   all: { engine: demo }
    |   ^^^
6 errors in pools.yaml. Nothing was started.
`);
  });

  it('a command line that is no list is told as the list of its words', () => {
    const told = shown('version: 1\npools: { chat: { command: serve --port 1, device_masks: [cpu] } }\n');
    expect(told).toContain('write a list: [serve, --port, "1"]');
    expect(shown('version: 1\npools: { chat: { command: serve, device_masks: [cpu] } }\n')).toContain('write a list: [serve]');
  });

  it('carets stand right behind tabs, wide and combining characters, and in long lines', () => {
    const lines = shown(`version: 1\npools: { "模型": 1, "e\u0301": 2, "tab\there": 3, ${' '.repeat(300)}last: 4 }\n`).split(
      '\n',
    );
    const carets = lines.filter((line) => /^ +\| .*\^/.test(line));
    expect(
      carets.map((line) =>
        line
          .slice(6)
          .trimEnd()
          .replace(/ (?:did|use|write|leave).*$/, ''),
      ),
    ).toEqual([
      '         ^^^^^^',
      '                    ^^^',
      '                            ^^^^^^^^^^',
      expect.stringMatching(/^ +\^$/),
    ]);
    const long = lines.findLast((line) => line.includes('...')) ?? '';
    expect(long).toMatch(/^ {2}2 \| \.\.\./);
    expect(long.length).toBeLessThan(200);
  });

  it('what conflicts names the other place, and prints the lines to add', () => {
    const text =
      'version: 1\npools:\n  a: { engine: demo, device_masks: [0] }\n  b:\n      engine: demo\n      device_masks: [0]\n';
    const { problems } = judge(text, gpus);
    expect(
      renderProblems(problems, 'pools.yaml', null),
    ).toBe(`pools.yaml:6:22: error: GPU 0 is in the masks of "a" and "b"  [DEVICE_CONFLICT]
  6 |       device_masks: [0]
    |                      ^ also at pools.yaml:3:37; to share it, add to both pools:
    |       share: true
1 error in pools.yaml
`);
  });

  it('an inherited value is judged once, where it stands', () => {
    expect(
      errorsOf(
        'version: 1\ndefaults: { env: { HIP_VISIBLE_DEVICES: "0" }, device_masks: [x y], engine: demo }\npools: { a: {}, b: {} }\n',
      ),
    ).toEqual(['2:20 MASK_VARIABLE', '2:63 INVALID_VALUE']);
  });

  it('CRLF and tabs do not move a column, and the end of a line is no further than its last character', () => {
    expect(judge('{\r').problems).toMatchObject([{ line: 1, column: 2, excerpt: { line: '{', start: 1, length: 1 } }]);
    expect(errorsOf(pool('modle: x').replaceAll('\n', '\r\n'))).toEqual(['4:5 UNKNOWN_KEY']);
    expect(errorsOf('version: 1\npools: {\tchat:\t{ engine:\tdemos } }\n')).toEqual(['2:26 INVALID_VALUE']);
  });
});

describe('what the surroundings say', () => {
  const env =
    'version: 1\npools:\n  a: { engine: demo, device_masks: [cpu], env: { A: { from_env: SET }, B: { from_env: UNSET } } }\n';

  it('a variable that is not set is an error of up, and a warning where nothing is looked at', () => {
    expect(errorsOf(env, { env: { SET: '1' } })).toEqual(['3:87 INVALID_VALUE']);
    const { inventory, problems } = judge(env, { env: { SET: '1' }, devices: null });
    expect(inventory).not.toBeNull();
    expect(problems).toMatchObject([{ severity: 'warning', line: 3, column: 87 }]);
  });

  it('a user whom nobody knows', () => {
    const text = pool('user: nemo');
    expect(errorsOf(text, { knownUser: () => true })).toEqual([]);
    expect(errorsOf(text, { knownUser: () => false })).toEqual(['4:11 INVALID_VALUE']);
    expect(errorsOf(text)).toEqual([]);
  });

  it('a tool that fails just now leaves devices to the preflight', () => {
    const text = 'version: 1\npools:\n  a: { engine: demo, device_masks: [7] }\n';
    expect(errorsOf(text)).toEqual(['3:37 UNKNOWN_DEVICE']);
    expect(errorsOf(text, { devices: { devices: [], tool: 'failing', note: 'hangs', processes: null, askedAt: 0 } })).toEqual([]);
  });

  it('an address that others reach needs a token', () => {
    const text = 'version: 1\nsupervisor: { listen: "0.0.0.0:9200" }\npools: {}\n';
    expect(errorsOf(text)).toEqual(['2:23 INVALID_VALUE']);
    expect(errorsOf(text, { env: { POOLCTL_TOKEN: 'x' } })).toEqual([]);
    for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', 'LocalHost', '[::1]'])
      expect(errorsOf(text.replace('0.0.0.0', host)), host).toEqual([]);
    for (const host of ['127.1', '127.0.0.1.example', '[::]', '[::ffff:127.0.0.1]', 'localhost.example', '128.0.0.1'])
      expect(errorsOf(text.replace('0.0.0.0', host)), host).toEqual(['2:23 INVALID_VALUE']);
  });

  it('also one that the environment names, unless only the file is looked at', () => {
    const text = 'version: 1\npools: {}\n';
    const from = (POOLCTL_LISTEN: string, more = {}) => errorsOf(text, { env: { POOLCTL_LISTEN, ...more } });
    expect(from('127.0.0.1:9200')).toEqual([]);
    expect(from('')).toEqual([]);
    expect(from('0.0.0.0:9200')).toEqual(['1:10 INVALID_VALUE']);
    expect(from('0.0.0.0:9200', { POOLCTL_TOKEN: 'x' })).toEqual([]);
    expect(from('127.0.0.1:99999')).toEqual(['1:10 INVALID_VALUE']);
    expect(from('nowhere')).toEqual(['1:10 INVALID_VALUE']);
    expect(errorsOf(text, { devices: null, env: { POOLCTL_LISTEN: 'nowhere' } })).toEqual([]);
    // No pool is to blame.
    const empty = 'version: 1\nsupervisor: {}\npools: {}\n';
    expect(errorsOf(empty, { env: { POOLCTL_LISTEN: 'nowhere' } })).toEqual(['2:13 INVALID_VALUE']);
    const both = 'version: 1\nsupervisor: { listen: "127.0.0.1:9200" }\npools: {}\n';
    expect(errorsOf(both, { env: { POOLCTL_LISTEN: '0.0.0.0:9200' } })).toEqual([]);
  });
});
