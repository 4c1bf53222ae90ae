/** What a program prints, without the secrets that it was given. */

import { describe, expect, it, test } from 'vitest';
import { shownReference } from '../../src/core/reference.js';
import { coverOf, hidden, redactArgv, redactEnv, redactText, secretsInArgv } from '../../src/text/redact.js';
import fc from '../rig/chance.js';
import { processorMs } from '../rig/processor.js';

describe('by its value a secret is covered', () => {
  const secret = fc.string({ minLength: 6, maxLength: 40 }).filter((text) => text.trim().length >= 6 && !hidden.includes(text));

  it('wherever it stands, as it is, in JSON and in a URL', () => {
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, word, after) => {
        const value = word.trim();
        const cover = coverOf([word]);
        expect(cover(`${before}${value}${after}`)).not.toContain(value);
        expect(cover(JSON.stringify({ a: value }))).not.toContain(JSON.stringify(value).slice(1, -1));
        expect(cover(`http://h/?q=${encodeURIComponent(value)}`)).not.toContain(encodeURIComponent(value));
      }),
    );
  });

  it('also where one is a part of another, in each of its lines, and where the text was cut in its middle', () => {
    expect(coverOf(['abcdef', 'abcdefghij'])('abcdefghij abcdef')).toBe(`${hidden} ${hidden}`);
    expect(coverOf(['-----BEGIN KEY-----\nMIIEabcdef\nab\n'])('read MIIEabcdef, then ab')).toBe(`read ${hidden}, then ab`);
    const long = `${'x'.repeat(480)} Bearer hf_0123456789`;
    expect(coverOf(['hf_0123456789abcdef'])(long)).toBe(`${'x'.repeat(480)} Bearer ${hidden}`);
  });

  it('but not where it is an ordinary short word', () => {
    expect(coverOf(['true', '', '12345'])('true 12345')).toBe('true 12345');
  });
});

test.each([
  ['error: invalid argument: --api-key s3cret', `error: invalid argument: --api-key ${hidden}`],
  ['started as: serve --api-key=s3cret --port 80', `started as: serve --api-key=${hidden} --port 80`],
  ["environ({'HF_TOKEN': 's3cret', 'PATH': '/bin'})", `environ({'HF_TOKEN': ${hidden}, 'PATH': '/bin'})`],
  ['HF_TOKEN=s3cret', `HF_TOKEN=${hidden}`],
  ["Namespace(api_key='s3cret', port=80)", `Namespace(api_key=${hidden}, port=80)`],
  ["non-default args: {'api_key': ['s3cret'], 'port': 80}", `non-default args: {'api_key': ${hidden}, 'port': 80}`],
  ['{"access_token":"s3cret"}', `{"access_token":${hidden}}`],
  ['Authorization: Bearer s3cret', `Authorization: ${hidden}`],
  ['cannot fetch https://me:s3cret@host/x.gguf', `cannot fetch https://${hidden}@host/x.gguf`],
  ['cannot fetch https://me:s3@cret@host/x.gguf', `cannot fetch https://${hidden}@host/x.gguf`],
  ['cannot fetch https://host/x.gguf?a=1&access_token=s3cret', `cannot fetch https://host/x.gguf?a=1&access_token=${hidden}`],
  // What errors are made of stays.
  ["KeyError: 'model.layers.0'", "KeyError: 'model.layers.0'"],
  ['error loading model: missing tensor token_embd.weight', 'error loading model: missing tensor token_embd.weight'],
  ['key not found in model: general.architecture', 'key not found in model: general.architecture'],
  ['max_num_batched_tokens=8192 --max-num-batched-tokens 8192', 'max_num_batched_tokens=8192 --max-num-batched-tokens 8192'],
  ['--tokenizer org/tok: not found', '--tokenizer org/tok: not found'],
  ['GET http://127.0.0.1:8080/v1?x=1 500', 'GET http://127.0.0.1:8080/v1?x=1 500'],
])('by its name, in what a program prints: %s', (text, shown) => {
  expect(redactText(text)).toBe(shown);
});

it('is told where it is looked for: in arguments, scripts and URLs', () => {
  const argv = ['serve', '--api-key', 'one111', '--token=two222', 'sh', '-c', 'exec x --secret "three 333" --port 80'];
  expect(secretsInArgv([...argv, 'https://me:four44@h/?sig=x&token=five55', '--header', 'Authorization: Bearer six666'])).toEqual(
    ['one111', 'two222', 'three 333', 'me', 'four44', 'five55', 'six666'],
  );
  expect(redactArgv(['--model', 'https://me:four44@h/x.gguf'])).toEqual(['--model', `https://${hidden}@h/x.gguf`]);
  expect(redactEnv({ DB: 'postgres://me:four44@h/x' }, new Set())).toEqual({ DB: `postgres://${hidden}@h/x` });
});

it('leaves a text of a megabyte in bearable time', () => {
  const text = `${'a_token '.repeat(60_000)}${'A'.repeat(300_000)}${"'".repeat(200_000)}`;
  expect(processorMs(() => coverOf(['abcdef'])(text))).toBeLessThan(5_000);
});

test.each([
  ['/models/a.gguf', '/models/a.gguf'],
  ['hf:org/repo/a?b.gguf', 'hf:org/repo/a?b.gguf'],
  ['https://host/a.gguf', 'https://host/a.gguf'],
  ['https://me:s3cret@host/a.gguf', 'https://***@host/a.gguf'],
  ['https://host/a.gguf?download=true&token=s3cret#x', 'https://host/a.gguf?***#x'],
  ['https://s3cret@host/a@b.gguf', 'https://***@host/a@b.gguf'],
])('a model is shown without what is between it and its owner: %s', (reference, shown) => {
  expect(shownReference(reference)).toBe(shown);
});
