/** Bytes cut anywhere, made into lines. */

import { StringDecoder } from 'node:string_decoder';

export type LineCutter = {
  write(chunk: Buffer): void;
  /** What came last without a line break is a line, too. */
  end(): void;
};

/** What is not looked at of a line: everything beyond so many characters. */
const longestLine = 16 * 1024;

/** Gives each line without its line break, of at most 16 KiB. Holds at most one line. */
export function lineCutter(onLine: (line: string) => void): LineCutter {
  const decoder = new StringDecoder('utf8');
  let rest = '';

  function give(line: string): void {
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  return {
    write(chunk) {
      const text = rest + decoder.write(chunk);
      let from = 0;
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
        give(text.slice(from, Math.min(at, from + longestLine)));
        from = at + 1;
      }
      rest = copyOf(text.slice(from, from + longestLine));
    },
    end() {
      if (rest !== '') give(rest);
      rest = '';
    },
  };
}

/** A part of a string keeps the whole of it in memory, and this one is kept as long as an engine writes nothing. */
function copyOf(text: string): string {
  return text === '' ? '' : Buffer.from(text).toString();
}
