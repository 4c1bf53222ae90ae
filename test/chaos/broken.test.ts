import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

type Edit = { readonly file: string; readonly from: string; readonly to: string };
type Broken = { readonly broken: readonly { readonly name: string; readonly edits: readonly Edit[] }[] };
const { broken } = (await import(new URL('broken.mjs', import.meta.url).href)) as Broken;

test.each(broken)('what "$name" breaks is there, once', ({ edits }) => {
  for (const { file, from } of edits) {
    const text = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
    expect(text.split(from), `${file}: ${from}`).toHaveLength(2);
  }
});
