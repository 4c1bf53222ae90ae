import { describe, expect, it } from 'vitest';
import { keysOf, readKeys } from '../../src/tui/keys.js';
import { changed, Screen } from '../../src/tui/screen.js';

describe('keys', () => {
  it('are characters, control letters and those with names, in both modes of the cursor keys', () => {
    expect(keysOf('jS?')).toEqual([...'jS?'].map((char) => ({ kind: 'char', char })));
    expect(keysOf('\u0003\u000c\u0004')).toEqual(['c', 'l', 'd'].map((letter) => ({ kind: 'control', letter })));
    expect(keysOf('\u001b[A\u001bOB\u001b[5~\u001b[1~\u001b[Z\r\t\u007f').map(({ kind }) => kind)).toEqual([
      'up',
      'down',
      'page-up',
      'home',
      'back-tab',
      'enter',
      'tab',
      'backspace',
    ]);
  });

  it('come apart where a slow line brings many at once, and what means nothing here is passed over', () => {
    expect(keysOf('j\u001b[Bk').map((key) => ('char' in key ? key.char : key.kind))).toEqual(['j', 'down', 'k']);
    expect(keysOf('\u001b[15~\u001b[200~\u001b[<0;3;4M')).toEqual([]);
    expect(keysOf('\u001b')).toEqual([{ kind: 'escape' }]);
    expect(keysOf('é漢🚀')).toEqual(['é', '漢', '🚀'].map((char) => ({ kind: 'char', char })));
  });
});

it('a key that comes in pieces is one key', () => {
  for (const [first, second] of [
    ['j\u001b', '[A'],
    ['j\u001b[', 'A'],
    ['j\u001bO', 'A'],
    ['j\u001b[1;', '5~\u001b[A'],
  ] as const) {
    const begun = readKeys(first);
    expect(begun.keys).toEqual([{ kind: 'char', char: 'j' }]);
    expect(readKeys(begun.rest + second)).toEqual({ keys: [{ kind: 'up' }], rest: '' });
  }
  expect(readKeys('\u001b\u001b')).toEqual({ keys: [{ kind: 'escape' }], rest: '\u001b' });
});

describe('the screen', () => {
  it('is written whole once, then line by line where something has changed', () => {
    expect(changed(null, ['a', 'b'])).toBe('\u001b[H\u001b[2J\u001b[1;1Ha\u001b[2;1Hb');
    expect(changed(['a', 'b', 'c'], ['a', 'B', 'c'])).toBe('\u001b[2;1H\u001b[2KB');
    expect(changed(['a', 'b', 'c'], ['a'])).toBe('\u001b[2;1H\u001b[J');
    expect(changed(['a'], ['a'])).toBe('');
  });

  it('gives the terminal back as it was, once, and writes nothing after that', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) });
    screen.show(['too early']);
    screen.enter();
    screen.show(['a']);
    screen.show(['a']);
    screen.forget();
    screen.show(['a']);
    screen.leave();
    screen.leave();
    screen.show(['too late']);
    expect(written).toEqual([
      '\u001b[?1049h\u001b[?25l',
      '\u001b[H\u001b[2J\u001b[1;1Ha',
      '\u001b[H\u001b[2J\u001b[1;1Ha',
      '\u001b[H\u001b[2J\u001b[?25h\u001b[?1049l',
    ]);
    expect(written.join('')).not.toContain('\u001b[3J');
  });
});
