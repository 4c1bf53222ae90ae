/** The text of an inventory in the form in which it may be shown: with its secrets covered. */

import { parseYaml } from './parse.js';
import { secretRanges, unreadableSecrets, wordsBehindNames } from './secrets.js';
import { cover, type Range, type Source, sourceOf } from './source.js';

/** `secrets`: those that stand in it as YAML. Of a text that cannot be read more is covered, as nobody knows what is what. */
export function coverSecrets(
  file: string,
  text: string,
  { tree, isUnreadable }: { readonly tree: ReturnType<typeof parseYaml>['tree']; readonly isUnreadable: boolean },
): { readonly source: Source; readonly secrets: readonly Range[] } {
  const secrets = tree === null ? [] : [...secretRanges(tree), ...wordsBehindNames(text)];
  return { source: cover(sourceOf(file, text), isUnreadable ? [...secrets, ...unreadableSecrets(text)] : secrets), secrets };
}

/** The whole of it, whatever it is. */
export function shownText(text: string): string {
  const { tree, faults } = parseYaml(text);
  const isUnreadable = tree === null || faults.some(({ code }) => code === 'YAML_SYNTAX');
  return coverSecrets('', text, { tree, isUnreadable }).source.shown;
}
