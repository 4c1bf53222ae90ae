/** Where in an inventory secrets stand, so that no message and no excerpt shows one. */

import { isSecretName, isSecretValue, redactArgv } from '../text/redact.js';
import type { Range } from './source.js';
import type { Scalar, Seq, Tree } from './tree.js';

/**
 * Every scalar under a telling name, every value of an `env`, and those that a telling flag announces. Linear in what is written:
 * a tree that aliases share is looked at once.
 */
export function secretRanges(tree: Tree): readonly Range[] {
  const found = new Set<Scalar>();
  const swallowed: Range[] = [];
  const seen = { open: new Set<Tree>(), secret: new Set<Tree>() };
  const pending: { readonly tree: Tree; readonly secret: boolean; readonly poolIds: boolean }[] = [
    { tree, secret: false, poolIds: false },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { tree: here, secret, poolIds } = next;
    const visited = secret ? seen.secret : seen.open;
    if (visited.has(here)) continue;
    visited.add(here);
    if (here.kind === 'scalar') {
      if (secret || announcesSecret(here.written)) found.add(here);
    } else if (here.kind === 'seq') {
      const announced = announcedSecrets(here);
      for (const item of here.items) pending.push({ tree: item, secret: secret || announced.has(item), poolIds: false });
    } else {
      for (const [name, { key, value }] of [...here.entries, ...here.leftOut]) {
        if (swallowsSecret(name, secret)) swallowed.push(key);
        const telling = !poolIds && (name === 'env' || isSecretName(name));
        pending.push({
          tree: value,
          secret: (secret && !namesVariable(name, value)) || telling,
          poolIds: here === tree && name === 'pools',
        });
      }
    }
  }
  return [...[...found].map(({ range }) => range), ...swallowed];
}

/** `TOKEN:X`: where the space is missing behind the colon, or a quote, the value is a part of the key. */
function swallowsSecret(name: string, inSecret: boolean): boolean {
  const [, own] = /^([^:=\s]{1,64})[:=\s]/.exec(name) ?? [];
  return own !== undefined && (inSecret || isSecretName(own));
}

/** `{ from_env: HF_TOKEN }` tells no secret; but somebody may have put the secret itself there, and those are not in capitals alone. */
function namesVariable(name: string, value: Tree): boolean {
  return name === 'from_env' && value.kind === 'scalar' && isVariable(value.written);
}

/** What is not in capitals may be the secret itself, put there by mistake. */
export function isVariable(text: string): boolean {
  return /^[A-Z_][A-Z0-9_]*$/.test(text);
}

/** `[--api-key, X]`, and with a slip of the hand `[--api-key: , X]` or `[--api-key, : X]`. */
function announcedSecrets({ items }: Seq): ReadonlySet<Tree> {
  return new Set(
    items.filter((item, i) => {
      const before = items[i - 1];
      const flags = before === undefined ? [] : wordsOf(before);
      return flags.some((flag) => (item.kind === 'scalar' ? isSecretValue(flag, item.written) : isSecretName(flag)));
    }),
  );
}

function wordsOf(tree: Tree): readonly string[] {
  if (tree.kind === 'scalar') return [tree.written];
  return tree.kind === 'seq' ? [] : [...tree.entries].flatMap(([name, { value }]) => [name, ...wordsOf(value)]);
}

/**
 * The word behind each telling name, whatever YAML makes of the two: with a slip of the hand (`TOKEN: &X`, `API_KEY}: X`, `[--api-key, X: ]`) it
 * is an anchor, a key, or no value of that name at all.
 */
export function wordsBehindNames(text: string): readonly Range[] {
  // Bounded repeats, as below.
  const telling = /([\w.-]{0,24}(?:token|key|secret|password|authorization)[\w-]{0,24})["']?[\s:=,}\]]{1,16}/gi;
  return [...text.matchAll(telling)].flatMap(({ 0: all, 1: name = '', index }) => {
    const start = index + all.length;
    const word = /^[^\s,\]}]*/.exec(text.slice(start, start + maxWord))?.[0] ?? '';
    // What a map or a list begins with says nothing; what is in it is looked at for itself.
    return word !== '{' && word !== '[' && isSecretValue(name.replace(/^-*/, '--'), word.replace(/^["'&*-]+|["']$/g, ''))
      ? [{ start, end: start + word.length }]
      : [];
  });
}

const maxWord = 1000;

/** `--api-key=X`, `API_KEY=X serve`, `Authorization: X`, `serve --api-key X`: a text that names a secret and goes on with it. */
function announcesSecret(text: string): boolean {
  return redactArgv([text])[0] !== text;
}

/** For a line that could not be read as YAML: what stands behind a telling name is covered to the line's end. */
export function unreadableSecrets(text: string): readonly Range[] {
  // Bounded repeats: without them a megabyte of letters takes hours.
  const telling = /(?:token|key|secret|password|authorization)[\w-]{0,64}["']?[\s:=,]{1,16}(?=[^\s:=,])/gi;
  return [...text.matchAll(telling)].map(({ 0: name, index }) => {
    const start = index + name.length;
    const end = text.indexOf('\n', start);
    return { start, end: end === -1 ? text.length : end };
  });
}
