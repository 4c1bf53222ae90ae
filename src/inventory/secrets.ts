/** Where in an inventory secrets stand, so that no message and no excerpt shows one. */

import { isSecretName, isSecretValue } from '../text/redact.js';
import type { Range } from './source.js';
import type { Scalar, Seq, Tree } from './tree.js';

/**
 * Every scalar under a telling name, every value of an `env`, and those that a telling flag announces. Linear in what is written:
 * a tree that aliases share is looked at once.
 */
export function secretRanges(tree: Tree): readonly Range[] {
  const found = new Set<Scalar>();
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
      for (const [name, value] of [...[...here.entries].map(([name, entry]) => [name, entry.value] as const), ...here.leftOut]) {
        const telling = !poolIds && (name === 'env' || isSecretName(name));
        pending.push({
          tree: value,
          secret: (secret && !namesVariable(name, value)) || telling,
          poolIds: here === tree && name === 'pools',
        });
      }
    }
  }
  return [...found].map(({ range }) => range);
}

/** `{ from_env: HF_TOKEN }` tells no secret; but somebody may have put the secret itself there, and those are not in capitals alone. */
function namesVariable(name: string, value: Tree): boolean {
  return name === 'from_env' && value.kind === 'scalar' && /^[A-Z_][A-Z0-9_]*$/.test(value.written);
}

/** `[--api-key, X]`. */
function announcedSecrets({ items }: Seq): ReadonlySet<Tree> {
  return new Set(
    items.filter((item, i) => {
      const before = items[i - 1];
      return item.kind === 'scalar' && before?.kind === 'scalar' && isSecretValue(before.written, item.written);
    }),
  );
}

/** `--api-key=X`, `API_KEY=X serve`, `Authorization: X`, `serve --api-key X`: a text that names a secret and goes on with it. */
function announcesSecret(text: string): boolean {
  // Bounded repeats, as below.
  const names = /(?:^|[\s"'])(?:(--?[\w.-]{1,64})[=\s]|([\w.-]{1,64})(?:=|:\s))(?=.)/gs;
  return [...text.matchAll(names)].some(([, flag, name]) => isSecretName(flag ?? name ?? ''));
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
