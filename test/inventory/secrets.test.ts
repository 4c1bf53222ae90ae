/** What may not be seen is in no message and no excerpt, whatever else is wrong with its line. */

import { describe, expect, it, test } from 'vitest';
import { checkReport } from '../../src/inventory/report.js';
import fc from '../rig/chance.js';
import { expectSound, judge } from './judging.js';

const secret = 'hunter2hunter2';
const told = (text: string): string => {
  const loaded = judge(text);
  return `${expectSound(text, loaded)}${JSON.stringify(checkReport({ ...loaded, file: 'pools.yaml' }).json)}`;
};
const pool = (keys: string): string => `version: 1\npools:\n  a: { engine: demo, device_masks: [cpu], ${keys} }\n`;

describe('never shown', () => {
  test.each([
    ['beside an unknown key', pool(`modle: x, env: { A: ${secret} }`)],
    ['as a value of the wrong type', pool(`env: { A: [${secret}] }`)],
    ['as a number', pool('modle: x, env: { A: 27182818284 }')],
    ['under a repeated variable', pool(`env: { A: x, A: ${secret} }`)],
    ['under a repeated env', pool(`env: {}, env: { A: ${secret} }`)],
    ['under a name that cannot be', pool(`env: { __proto__: ${secret}, [a]: ${secret} }`)],
    ['under an unknown key with a telling name', pool(`api_key: ${secret}`)],
    ['behind a flag', pool(`modle: x, args: [--api-key, ${secret}]`)],
    ['within a flag', pool(`modle: x, args: [--api-key=${secret}]`)],
    ['as the only argument, where a list belongs', pool(`args: --api-key=${secret}`)],
    ['in a command as one text', pool(`args: "serve --api-key ${secret}"`)],
    ['in a script', pool(`modle: x, args: [-c, "exec serve --token ${secret}"]`)],
    ['in an assignment', pool(`modle: x, args: ["API_KEY=${secret} serve"]`)],
    ['in a header', pool(`modle: x, args: [--header, "Authorization: Bearer ${secret}"]`)],
    ['as a from_env that is no name', pool(`env: { A: { from_env: ${secret} } }`)],
    ['as a from_env that is no name at all', pool(`env: { A: { from_env: "${secret}!" } }`)],
    ['with a placeholder that nobody knows', pool(`env: { A: "${secret}\${NOBODY}" }`)],
    [
      'over several lines',
      `version: 1\npools:\n  a:\n    modle: x\n    env:\n      A: >-\n        ${secret}\n        ${secret}\n      1B: x\n`,
    ],
    ['behind an anchor elsewhere', `version: 1\nx: &s ${secret}\npools: { a: { engine: demo, env: { A: *s, 1B: x } } }\n`],
    ['in a line that is no YAML', pool(`api_key: ${secret} ]`)],
    ['in an env that is never closed', `version: 1\npools:\n  a: { env: { A: ${secret}, "B": [\n`],
    ['behind a quote that is never closed', `version: 1\npools:\n  a:\n    env: { TOKEN: "${secret} }\n`],
    ['in a key, for want of a space', pool(`env: { A:${secret}, TOKEN=${secret} }`)],
    ['in a key of the pool, for want of a space', pool(`api_key:${secret}`)],
    ['in a repeated key', pool(`env: { A:${secret}, A:${secret} }`)],
    ['as an alias, for want of quotes', pool(`env: { API_KEY: *${secret} }`)],
    ['as an anchor, for want of quotes', pool(`env: { API_KEY: &${secret} }`)],
    ['behind a flag and a slip of the hand', pool(`args: [--api-key: , ${secret}]`)],
    ['behind a flag and another slip', pool(`args: [--api-key, : ${secret}]`)],
    ['in the URL of a model that cannot be', pool(`model: "ftp://me:${secret}@host/x.gguf"`)],
    [
      'in the URL of a model whose engine cannot be guessed',
      `version: 1\npools: { a: { model: "https://me:${secret}@host/x" } }\n`,
    ],
    ['in a parameter of the URL of a model', pool(`modle: x, model: "https://host/x.gguf?token=${secret}"`)],
    ['in a URL where a number belongs', pool(`slots: "https://me:${secret}@host/x.gguf"`)],
    ['in a file that is too deep', `token: ${secret} ${'['.repeat(300)}`],
  ])('%s', (_, text) => {
    const shown = told(text);
    expect(shown).toMatch(/error/);
    expect(shown).not.toContain('hunter2');
    expect(shown).not.toContain('2718281828');
  });

  it('whatever slip of the hand is in its line', () => {
    const text = pool(`env: { API_KEY: ${secret}, TOKEN: "${secret}" }, args: [--api-key, ${secret}]`);
    const from = text.indexOf('env:') - 2;
    const slip = fc.record({
      at: fc.integer({ min: from, max: text.length }),
      put: fc.constantFrom('[', ']', '{', '}', ' ', '\n', '#', '"', ': ', '&', '*x'),
    });
    fc.assert(
      fc.property(slip, ({ at, put }) => {
        // A slip within the name, or within the secret, makes another thing of it.
        const isWithin = [...text.matchAll(/API_KEY|TOKEN|--api-key|hunter2hunter2/g)].some(
          ({ index, 0: word }) => at > index && at < index + word.length,
        );
        fc.pre(!isWithin);
        expect(told(text.slice(0, at) + put + text.slice(at))).not.toContain('hunter2');
      }),
      { numRuns: 300 },
    );
  });
});

it('what is no secret stays to be seen', () => {
  expect(told(pool('env: { A: { from_env: HF_TOKEN } }'))).toContain('HF_TOKEN');
  expect(told(pool('modle: x, args: [--tokenizer, some/tokenizer, --ctx-size, "4096"]'))).toContain('some/tokenizer');
  expect(told('version: 1\npools: { my-token: { engine: nothing } }')).toContain('nothing');
});
