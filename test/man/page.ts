/** The man pages as tests read them: mdoc in the plain form in which it is written here, a macro a line. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const manDir = fileURLToPath(new URL('../../man/', import.meta.url));

/** `file` is `poolctl-up.1`. */
export type Page = { readonly file: string; readonly lines: readonly string[] };

/** An item of a list: what stands on its line, and the lines below it. Items that share one text have it each. */
export type Item = { readonly head: string; readonly text: string };

export function pages(): readonly Page[] {
  return readdirSync(manDir).sort().map(page);
}

export function page(file: string): Page {
  return { file, lines: readFileSync(`${manDir}${file}`, 'utf8').split('\n') };
}

/** The lines of a section; none where there is no such section. */
export function section({ lines }: Page, title: string): readonly string[] {
  return between(lines, `.Sh ${title}`, /^\.Sh /);
}

/** The subsections of a section: their titles and lines. */
export function subsections(lines: readonly string[]): readonly (readonly [string, readonly string[]])[] {
  const titles = lines.filter((line) => line.startsWith('.Ss '));
  return titles.map((title) => [title.slice(4), between(lines, title, /^\.Ss /)]);
}

export function items(lines: readonly string[]): readonly Item[] {
  const found: { head: string; text: string }[] = [];
  let open = false;
  for (const line of lines) {
    if (line.startsWith('.It ')) found.push({ head: line.slice(4), text: '' });
    open = line.startsWith('.It ') || (open && line !== '.El');
    const last = found.at(-1);
    if (open && last !== undefined && !line.startsWith('.It ')) last.text += `${line}\n`;
  }
  return found;
}

/** What the page says that it is about: `poolctl-up`, `poolctl-down`. */
export function namesOf(page: Page): readonly string[] {
  return section(page, 'NAME').flatMap((line) => /^\.Nm (\S+)/.exec(line)?.[1] ?? []);
}

/** The lines that are to be typed (`$ …`) in the literal blocks of a section, continuation lines with them. */
export function typed(lines: readonly string[]): readonly string[] {
  const found: string[] = [];
  let literal = false;
  for (const line of lines) {
    if (line.startsWith('.')) literal = line.startsWith('.Bd -literal');
    else if (literal && line.startsWith('$ ')) found.push(plain(line.slice(2)));
    else if (literal && found.length > 0) found.push(`${found.pop()}\n${plain(line)}`);
  }
  return found;
}

/** As a reader sees it. */
function plain(text: string): string {
  return text.replaceAll('\\e', '\\');
}

function between(lines: readonly string[], first: string, next: RegExp): readonly string[] {
  const begin = lines.indexOf(first);
  if (begin === -1) return [];
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex((line) => next.test(line));
  return end === -1 ? rest : rest.slice(0, end);
}
