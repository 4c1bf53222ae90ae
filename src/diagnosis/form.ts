/**
 * Whose line is it: the engine's own, or text that a user sent to the model, which may say anything. Engines that log requests write such a text
 * behind a marker, mostly on the same line; where it is longer, the lines up to the next message are still of it.
 */

import { bareLine } from './prefix.js';

/** True for a line in the form of the engine's own lines; false where a user's text may stand. */
export type LineForm = (line: string) => boolean;

/** For a log of which no engine is known, after its death: everything but a user's text. */
export const anyForm: LineForm = () => true;

/**
 * `isOwn`, with a memory for texts of several lines. To be asked every line of one log, in order. A raw text that imitates the prefix of the
 * engine's own messages cannot be told from them.
 */
export function ownLines(isOwn: LineForm): LineForm {
  let inText = false;
  return (line) => {
    if (inText && !bareLine(line).begins) return false;
    inText = opensText(line);
    return isOwn(line);
  };
}

/** The line up to the text of a user that it shows; all of it where it shows none. */
export function ownPart(line: string): string {
  const found = marker.exec(line);
  return found === null ? line : line.slice(0, found.index);
}

/** True for a line with a user's text that goes on in the next one. */
export function opensText(line: string): boolean {
  const found = marker.exec(line);
  if (found === null) return false;
  const text = line.slice(found.index + found[0].length).trimStart();
  const quote = text[0];
  if (quote === '"' || quote === "'") return !closes(text, quote);
  if (quote === '{' || quote === '[') return !/[}\]]\)?\s*$/.test(text);
  // A marker that ends with an opening bracket stands before fields ("text='…'"), on one line.
  return !/\)\s*$/.test(text);
}

/** In lower case, what the line filter must look for. */
export const textMarkers: readonly string[] = [
  'received request',
  'prompt: ',
  'prompt=',
  '"prompt"',
  '"content"',
  '"messages"',
  '"input"',
  "'content'",
  "'messages'",
  "'prompt'",
  "'text'",
  'generatereqinput',
  'receive: obj',
  'finish: obj',
  'request: ',
  'response: ',
  'inputs: ',
  'inputs=',
  'text=',
  'formatted_chat',
  'generated text',
  'generated response',
  'next token',
];

const marker =
  /received request\b|(?<![\w-])(?:formatted |cached |last |user |system |input |full )?prompt(?: text)?(?::\s*(?=\S)|:$|=\s*)(?!\s*eval)|["'](?:prompt|content|messages|input|text)["']\s*:|generatereqinput\(|receive: obj=|finish: obj=|(?<![\w-])(?:request|response|inputs):\s*(?=[{['"]|$)|(?<![\w-])(?:inputs|text)\s*[=:]\s*(?=['"])|formatted_chat\w*\s*[:=]|generated (?:text|response)[^:]{0,20}:|next token:/i;

function closes(text: string, quote: string): boolean {
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote) return true;
  }
  return false;
}
