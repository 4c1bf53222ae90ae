/** What stands before an engine's words: time, level, pid, container, journal. */

export type Bare = {
  /** The words themselves. */
  readonly body: string;
  /** Said by a prefix: something that the engine goes on after (INFO, WARNING, DEBUG), or worse; null where no prefix tells. */
  readonly level: 'calm' | 'grave' | null;
  /** It had a prefix with a time, a level or a process: it begins a message, and does not go on with one. */
  readonly begins: boolean;
};

/** The line without its prefixes. A line that has none comes back as it is, less blanks. Linear in the line's length. */
export function bareLine(line: string): Bare {
  let body = line.includes('\u001b') ? line.replace(/\u001b\[[\d;]*[A-Za-z]/g, '') : line;
  body = body.trim();
  let level: Bare['level'] = null;
  let begins = false;
  for (let round = 0; round < 8; round += 1) {
    const prefix = firstPrefix(body);
    if (prefix === null) break;
    if (prefix.level !== undefined) level = calm.test(prefix.level) ? 'calm' : 'grave';
    begins ||= prefix.begins;
    body = body.slice(prefix.length).trimStart();
  }
  return { body, level, begins };
}

const calm = /^(?:[IWD]|info|warn|warning|debug|trace|notice)$/i;

const levels = 'TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|SEVERE';
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|\\d{1,2}\\u6708)';
const clock = '\\d{1,2}:\\d{2}:\\d{2}(?:[.,]\\d+)?';
const dated = `\\d{4}[-/]\\d{2}[-/]\\d{2}(?:[T ]${clock})?(?:Z|[+-]\\d{2}:?\\d{2})?`;
const source = '[\\w.@()-]+(?:\\[\\d+\\])?:';

type Form = readonly [pattern: RegExp, begins: boolean];

/**
 * By how they begin, since most lines are read in vain. Each with whether it begins a message of the engine: what a container or a shell puts
 * before every line does not.
 */
const withDigit: readonly Form[] = [
  // llama-server: minutes.seconds.ms.us since its start, and a level.
  [/^\d+\.\d{2}\.\d{3}\.\d{3}\s+(?:(?<level>[IWED])\s)?/, true],
  [new RegExp(`^${dated}\\s+[\\w.-]+\\s+(?:kernel|[\\w.-]+\\[\\d+\\]):`), true],
  [new RegExp(`^${dated}(?=\\s|$)`), true],
  [new RegExp(`^${clock}\\s`), true],
];
const withBracket: readonly Form[] = [
  // SGLang and others: a time in brackets, with the rank; torch's C++ side; the kernel's ring buffer; levels.
  [new RegExp(`^\\[${dated}[^\\]]{0,40}\\]`), true],
  [new RegExp(`^\\[${clock}\\](?:\\s+\\|)?`), false],
  [/^\[rank ?\d+\]:?/i, false],
  [/^\[(?:TP|DP|PP|EP)\d+[^\]]{0,20}\]/, false],
  [/^\[(?<level>[EWIF])\d{3,4} \d{2}:\d{2}:\d{2}\.\d+ [\w.]+:\d+\]/, true],
  [/^\[\s*\d+\.\d{3,9}\]/, true],
  [new RegExp(`^\\[(?<level>${levels})\\]`, 'i'), true],
];
const withLetter: readonly Form[] = [
  // llama-server without times: the level alone.
  [/^(?<level>[IWED])\s+(?=[a-z_]\w*[:( /])/, true],
  // vLLM: level, time, source.
  [new RegExp(`^(?<level>${levels})\\s+\\d{2}-\\d{2}\\s+${clock}\\s+\\[[^\\]]{1,80}\\](?:\\s|$)`), true],
  [new RegExp(`^(?<level>${levels}):?\\s+\\[[^\\]]{1,60}\\](?=\\s)`), true],
  [new RegExp(`^(?<level>${levels}):\\s`), true],
  [new RegExp(`^(?<level>${levels})\\s+(?:[\\w:-]+: )+`), true],
  [/^time=\S+\s+level=(?<level>[A-Z]+)(?:\s+source=\S+)?/, true],
  [/^level=(?<level>[A-Z]+)(?:\s+source=\S+)?/, true],
  [/^kernel:/, true],
];
const syslog: Form = [new RegExp(`^${month}\\s+\\d{1,2}(?:\\u65e5)?\\s+${clock}\\s+[\\w.-]+\\s+${source}`, 'u'), true];
const compose: Form = [/^[\w.-]{1,60}\s+\|(?=\s)/, false];
const workers: readonly Form[] = [[/^\((?:[A-Z]\w{0,60}\s+)?(?:pid|ip)=[^)]{1,60}\)/, false]];
/** Shells, and the signs of those who paste. */
const withOther: readonly Form[] = [
  [/^\.\.\.\s+level=(?<level>[A-Z]+)(?:\s+source=\S+)?/, true],
  [/^(?:\||>>>|>|\$|#|\u274c|\u2716|\u2757|!)\s+/u, false],
];

type Prefix = { readonly length: number; readonly level: string | undefined; readonly begins: boolean };

function firstPrefix(body: string): Prefix | null {
  for (const [pattern, begins] of formsFor(body)) {
    const match = pattern.exec(body);
    if (match !== null && match[0].length > 0) return { length: match[0].length, level: match.groups?.level, begins };
  }
  return null;
}

const digitForms = [...withDigit, syslog, compose];
const letterForms = [...withLetter, syslog, compose];

function formsFor(body: string): readonly Form[] {
  const code = body.charCodeAt(0) | 0x20;
  if (code >= 97 && code <= 122) return letterForms;
  if (code >= 48 && code <= 57) return digitForms;
  if (body.startsWith('[')) return withBracket;
  return body.startsWith('(') ? workers : withOther;
}
