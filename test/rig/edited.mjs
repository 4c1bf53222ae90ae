/** Sources that are changed on their way into a bundle: hooks for an observer, or something broken on purpose. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/build/bundle.mjs';

/**
 * A plugin for esbuild. Each edit replaces `from` by `to` in `file`, a path from the repository's root. The build fails where a snippet is not
 * there exactly once: what has been rewritten since would prove nothing.
 *
 * @param {readonly { readonly file: string, readonly from: string, readonly to: string }[]} edits
 */
export function edited(edits) {
  return {
    name: 'edited',
    setup({ onLoad }) {
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const path = join(root, file);
        onLoad({ filter: new RegExp(`${file.replace(/[/.]/g, '[/.]')}$`) }, async (args) => {
          if (args.path !== path) return undefined;
          const text = await readFile(path, 'utf8');
          return { contents: edits.filter((edit) => edit.file === file).reduce(apply, text), loader: 'ts' };
        });
      }
    },
  };
}

function apply(text, { file, from, to }) {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times, and not once:\n${from}`);
  return parts.join(to);
}
