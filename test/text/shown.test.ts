/** Text of others among ours: one line, no control, the right width, no secrets; tables, carets, colours, suggestions. */

import { describe, expect, it, test } from 'vitest';
import { pointAt } from '../../src/text/caret.js';
import { isColoured, palette, plain } from '../../src/text/colour.js';
import { eventText } from '../../src/text/event-line.js';
import { oneLine } from '../../src/text/one-line.js';
import { hidden, isSecretName, isSecretValue, redactArgv, redactEnv } from '../../src/text/redact.js';
import { suggest } from '../../src/text/suggest.js';
import { cut, table } from '../../src/text/table.js';
import { displayWidth, harmless } from '../../src/text/width.js';
import fc from '../rig/chance.js';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const steering = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe('text of others', () => {
  it('neither breaks a line nor steers the terminal', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(harmless(text)).not.toMatch(steering);
        expect(harmless(text)).toHaveLength(text.length);
        expect(oneLine(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]|^ | $| {2}/);
      }),
    );
    expect(oneLine(' a\r\n\t b\u001b[31m\u2028c\u202ed ')).toBe('a b [31m c?d');
  });

  test.each([
    ['', 0],
    ['abc', 3],
    ['模型', 4],
    ['ｱ', 1],
    ['한', 2],
    ['e\u0301', 1],
    ['a\u200bb', 2],
    ['🦙', 2],
    ['ￂ', 1],
    ['\t', 1],
  ])('%j takes %d columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('is cut with dots so that it fits, whatever it is made of', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.nat({ max: 30 }),
        (text, room) => void expect(displayWidth(cut(text, room))).toBeLessThanOrEqual(Math.max(room, 0)),
      ),
    );
    expect([
      cut('abcdef', 6),
      cut('abcdef', 5),
      cut('abc def', 7),
      cut('abc defg', 7),
      cut('abcdef', 3),
      cut('模型模型', 5),
    ]).toEqual(['abcdef', 'ab...', 'abc def', 'abc...', 'abc', '模...']);
  });
});

describe('a table', () => {
  const columns = [
    { head: 'REPLICA', align: 'left' },
    { head: 'RST', align: 'right', min: 5 },
    { head: 'WHY', align: 'left' },
  ] as const;

  it('has no empty cell and no trailing space, so that awk reads it', () => {
    expect(
      table(
        columns,
        [
          ['chat/r0', '12', 'two words'],
          ['c', '', ''],
          ['模', '1', ' '],
        ],
        null,
      ),
    ).toEqual(['REPLICA    RST  WHY', 'chat/r0     12  two words', 'c            -  -', '模           1  -']);
    fc.assert(
      fc.property(
        fc.array(fc.array(anyText, { minLength: 3, maxLength: 3 }), { maxLength: 4 }),
        fc.option(fc.nat({ max: 80 })),
        (rows, width) => {
          const lines = table(columns, rows, width);
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) {
            expect(line).not.toMatch(/\n| $/);
            expect(line.split(/\s+/).length).toBeGreaterThanOrEqual(3);
          }
        },
      ),
    );
  });

  it('fits the width by its last column alone, and paints what is padded', () => {
    const rows = [['chat/r0', '1', 'a long reason that goes on']];
    expect(table(columns, rows, 24)[1]).toBe('chat/r0      1  a lon...');
    expect(table(columns, rows, 5)[1]).toBe('chat/r0      1  a');
    const painted = table(columns, rows, null, (cell, column, row) => (column === 0 ? `<${row}:${cell}>` : cell));
    expect(painted).toEqual(['<-1:REPLICA>    RST  WHY', '<0:chat/r0>      1  a long reason that goes on']);
  });
});

describe('carets', () => {
  it('point at the place, with the note behind and more lines below', () => {
    expect(pointAt({ lineNumber: 6, line: '    modle: x', start: 4, length: 5 }, 'did you mean "model"?\nmodel: x')).toBe(
      '  6 |     modle: x\n    |     ^^^^^ did you mean "model"?\n    | model: x',
    );
    expect(pointAt({ lineNumber: 12_345, line: 'x', start: 1, length: 0 }, null)).toBe('12345 | x\n      |  ^');
  });

  it('are under what they mean in every line', () => {
    const line = fc
      .array(fc.constantFrom('a', ' ', '模', '\t', 'e\u0301', '🦙', '\u0007', '{'), { maxLength: 300 })
      .map((chars) => chars.join(''));
    fc.assert(
      fc.property(line, fc.nat({ max: 400 }), fc.nat({ max: 20 }), (text, at, length) => {
        const start = Math.min(at, text.length);
        const [quoted = '', carets = ''] = pointAt(
          { lineNumber: 1, line: text, start, length: Math.max(1, Math.min(length, text.length - start)) },
          null,
        ).split('\n');
        const before = /^[^^]*/.exec(carets)?.[0] ?? '';
        expect(before.replaceAll('\t', '').trim()).toBe('|');
        expect(quoted).not.toMatch(/[\u0000-\u0008\u000a-\u001f]/);
      }),
    );
  });
});

describe('colour', () => {
  test.each([
    ['always', { NO_COLOR: '1' }, false, true],
    ['never', { FORCE_COLOR: '1' }, true, false],
    ['auto', {}, true, true],
    ['auto', {}, false, false],
    ['auto', { NO_COLOR: '1' }, true, false],
    ['auto', { NO_COLOR: '' }, true, true],
    ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['auto', { FORCE_COLOR: '' }, false, true],
    ['auto', { FORCE_COLOR: '0' }, true, false],
    ['auto', { TERM: 'dumb' }, true, false],
  ] as const)('%s with %j on a terminal (%s): %s', (wish, env, isTTY, coloured) => {
    expect(isColoured(wish, env, { isTTY })).toBe(coloured);
  });

  it('says nothing that is not in the words', async () => {
    const colours = await palette('always', {}, { isTTY: false });
    for (const name of ['good', 'busy', 'bad', 'faint', 'strong'] as const) {
      expect(colours[name]('word')).toMatch(/^(\u001b\[\d+m)+word(\u001b\[\d+m)+$/);
      expect(plain[name]('word')).toBe('word');
    }
    expect(await palette('never', { FORCE_COLOR: '3' }, { isTTY: true })).toBe(plain);
  });

  it('of an event goes by its level', () => {
    const marked = { ...plain, busy: (text: string) => `!${text}`, bad: (text: string) => `!!${text}` };
    const told = (level: string) => eventText({ time: 'no time', level, human: 'a\nb' }, 'none', marked);
    expect(['debug', 'info', 'warn', 'error', 'critical'].map(told)).toEqual(['a b', 'a b', '!a b', '!!a b', '!!a b']);
    expect(eventText({ time: 'no time', level: 'info', human: 'x' }, 'clock', plain)).toBe('no time x');
  });
});

describe('a suggestion', () => {
  const keys = ['model', 'model_id', 'port', 'device_masks', 'autostart', 'args', 'env'];
  test.each([
    ['modle', 'model'],
    ['Model', 'model'],
    ['modelid', 'model_id'],
    ['model-id', 'model_id'],
    ['prot', 'port'],
    ['deviceMasks', 'device_masks'],
    ['device_mask', 'device_masks'],
    ['auto_start', 'autostart'],
    ['arg', 'args'],
    ['x', null],
    ['', null],
    ['temperature', null],
    ['zzz', null],
    ['m'.repeat(65), null],
  ])('for %s is %s', (given, meant) => {
    expect(suggest(given, keys)).toBe(meant);
  });

  it('is one of the candidates, or none', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.array(fc.string({ maxLength: 12 })), (given, candidates) => {
        const meant = suggest(given, candidates);
        expect(meant === null || candidates.includes(meant)).toBe(true);
      }),
    );
    expect(suggest('a', [])).toBeNull();
  });
});

describe('secrets', () => {
  test.each(['API_KEY', 'hf-token', 'Authorization', 'dbPassword', 'client_secret', '--api-key', 'tokenizer_key'])(
    '%s is a telling name',
    (name) => {
      expect(isSecretName(name)).toBe(true);
    },
  );

  test.each(['tokenizer', '--tokenizer-mode', 'tokeniser', 'model', 'PATH', ''])('%s is none', (name) => {
    expect(isSecretName(name)).toBe(false);
  });

  it('lose their place in argv, and nothing else does', () => {
    const argv = [
      'serve',
      '--api-key',
      's3cret',
      '--api-key=s3cret',
      'API_KEY=s3cret',
      '--header',
      'Authorization: Bearer s3cret',
      '--port',
      '80',
      '--max-tokens',
      '8192',
      '--token',
      '--flag',
      '--tokenizer',
      'x/y',
    ];
    expect(redactArgv(argv)).toEqual(argv.map((word) => word.replace(/(Bearer )?s3cret/, hidden)));
    expect(
      redactArgv(['sh', '-c', 'cd /x; API_KEY=s3cret serve --token "s 3cret" --port 80 -H "Authorization: Bearer s3cret"'])[2],
    ).toBe(`cd /x; API_KEY=${hidden} serve --token ${hidden} --port 80 -H "Authorization: ${hidden}"`);
    fc.assert(fc.property(fc.array(anyText), (words) => void expect(redactArgv(words)).toHaveLength(words.length)));
    expect([isSecretValue('--api-key', 'x'), isSecretValue('--api-key=y', 'x'), isSecretValue('x', 'y')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('lose their values in an environment and in free text', () => {
    expect(redactEnv({ API_KEY: 'x', PLAIN: 'y', FROM: 'z' }, new Set(['FROM']))).toEqual({
      API_KEY: hidden,
      PLAIN: 'y',
      FROM: hidden,
    });
  });
});
