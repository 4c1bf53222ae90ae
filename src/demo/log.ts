/** Lines as llama-server writes them: minutes.seconds.ms.us since the start, a level, who speaks, and what. All on stderr. */

import { writeSync } from 'node:fs';

export type Log = {
  line(level: 'D' | 'I' | 'W' | 'E', who: string, text: string): void;
  /** Nothing added: what an order wants to stand in the log. */
  raw(text: string): void;
};

/** What finds no room on `fd` is lost, and the engine serves on. */
export function openLog(fd: number, now: () => number): Log {
  // Straight to the descriptor: a stream that failed once, on a full disk, has failed for good, and ends its program.
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch {}
  };
  return {
    line(level, who, text) {
      write(`${stamp(now())} ${level} srv  ${who.padStart(12)}: ${text}\n`);
    },
    raw(text) {
      write(text);
    },
  };
}

function stamp(ms: number): string {
  const micros = Math.floor(ms * 1000);
  const part = (unit: number, modulo: number, digits: number) => String(Math.floor(micros / unit) % modulo).padStart(digits, '0');
  return `${Math.floor(micros / 60_000_000)}.${part(1_000_000, 60, 2)}.${part(1000, 1000, 3)}.${part(1, 1000, 3)}`;
}
