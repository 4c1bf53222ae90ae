/**
 * YAML -> Tree, for any input whatever: a fault is a value, and no input makes it hang, overflow the stack or grow beyond its own size.
 * YAML 1.2, one document, no tags, no merge keys.
 */

import { Composer, type CST, type Document, Lexer, Parser, visit, type YAMLError } from 'yaml';
import { buildTree, type Fault } from './build.js';
import type { Tree } from './tree.js';

/** `tree` is null for an empty file. With faults it holds what could be read, so that secrets in it can be found. */
export type Parsed = { readonly tree: Tree | null; readonly faults: readonly Fault[] };

/** One level of the file is about two of the parser's. Inventories need seven levels. */
const maxNesting = 128;
/** After one mistake others follow; nobody reads more of them. */
const maxFaults = 20;

export function parseYaml(text: string): Parsed {
  const read = tokens(text);
  if ('fault' in read) return { tree: null, faults: [read.fault] };
  const composer = new Composer({
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
    stringKeys: false,
    keepSourceTokens: false,
  });
  const [doc, second] = [...composer.compose(read.tokens, true, text.length)];
  if (doc === undefined) return { tree: null, faults: [] };
  const faults = [...documentFaults(doc, text), ...(second === undefined ? [] : [secondDocument(second, text)])];
  const { tree, faults: inTree } = buildTree(doc.contents);
  return { tree, faults: [...faults, ...inTree].slice(0, maxFaults * 10) };
}

/** The parser works iteratively, so it can be stopped before the composer, which recurses, sees how deep the file is. */
function tokens(text: string): { readonly tokens: readonly CST.Token[] } | { readonly fault: Fault } {
  const parser = new Parser();
  const found: CST.Token[] = [];
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      found.push(token);
      if (token.type === 'error') errors += 1;
    }
    if (errors > maxFaults) break;
    if (parser.stack.length > maxNesting) return { fault: tooDeep(parser.offset, text) };
  }
  found.push(...parser.end());
  return { tokens: found };
}

function tooDeep(offset: number, text: string): Fault {
  const start = Math.min(Math.max(0, offset - 1), text.length);
  return { code: 'YAML_SYNTAX', range: { start, end: start + 1 }, message: 'the file is nested too deeply', hint: null };
}

function secondDocument(doc: Document.Parsed, text: string): Fault {
  const start = Math.min(doc.range[0], text.length);
  return {
    code: 'YAML_SYNTAX',
    range: { start, end: start + 1 },
    message: 'a second document begins; an inventory is one document',
    hint: 'put all pools under one "pools"',
  };
}

/** All that comes after it is taken for a part of the text. */
const neverClosed = 'the quote that begins here is never closed';

function documentFaults(doc: Document.Parsed, text: string): readonly Fault[] {
  const errors = [...doc.errors, ...doc.warnings]
    .filter(({ code }) => code !== 'MULTIPLE_DOCS')
    .sort((a, b) => a.pos[0] - b.pos[0])
    .slice(0, maxFaults * 10);
  const quotes = errors.some(isUnclosed) ? quoteStarts(doc) : [];
  const faults = errors.map((error) => asFault(error, quotes, text));
  const { explicit, version } = doc.directives.yaml;
  if (explicit === true && version !== '1.2') {
    faults.push({
      code: 'YAML_SYNTAX',
      range: { start: 0, end: 1 },
      message: `YAML ${version} is not read; write YAML 1.2`,
      hint: null,
    });
  }
  const open = faults.find(({ message }) => message === neverClosed);
  const credible = open === undefined ? faults : faults.filter(({ range }) => range.start <= open.range.start);
  return onePerLine(credible, text).slice(0, maxFaults);
}

/** One mistake often makes several errors, at the same place or right behind it. */
function onePerLine(faults: readonly Fault[], text: string): readonly Fault[] {
  const ordered = [...faults].sort((a, b) => a.range.start - b.range.start);
  return ordered.filter((fault, i) => {
    const before = ordered[i - 1];
    return before === undefined || text.slice(before.range.start, fault.range.start).includes('\n');
  });
}

const isUnclosed = ({ code, message }: YAMLError): boolean => code === 'MISSING_CHAR' && /quote/.test(message);

function asFault(error: YAMLError, quotes: readonly number[], text: string): Fault {
  const [start, end] = error.pos;
  const message = lowerFirst(error.message.split('\n')[0] ?? '').slice(0, 200);
  const plain: Fault = { code: 'YAML_SYNTAX', range: { start, end }, message, hint: hintFor(error) };
  const opened = isUnclosed(error) ? quotes.findLast((at) => at <= start) : undefined;
  return opened === undefined ? plain : { ...plain, range: { start: opened, end: lineEnd(text, opened) }, message: neverClosed };
}

/** In their order. The library reports an unclosed quote at the end of the file; what is missing is where it was opened. */
function quoteStarts(doc: Document.Parsed): readonly number[] {
  const starts: number[] = [];
  visit(doc, {
    Scalar(_, node) {
      const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE';
      if (quoted && node.range != null) starts.push(node.range[0]);
    },
  });
  return starts;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function hintFor({ code }: YAMLError): string | null {
  if (code === 'TAB_AS_INDENT') return 'indent with spaces';
  if (code === 'TAG_RESOLVE_FAILED') return 'tags such as !name are not read; put a text that begins with ! in quotes';
  if (code === 'BAD_INDENT') return 'keys of one map must stand in one column';
  return null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
