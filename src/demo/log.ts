/** Lines as llama-server writes them: minutes.seconds.ms.us since the start, a level, who speaks, and what. All on stderr. */

export type Log = {
  line(level: 'D' | 'I' | 'W' | 'E', who: string, text: string): void;
  /** Nothing added: what an order wants to stand in the log. */
  raw(text: string): void;
};

export function openLog(stream: NodeJS.WritableStream, now: () => number): Log {
  return {
    line(level, who, text) {
      stream.write(`${stamp(now())} ${level} srv  ${who.padStart(12)}: ${text}\n`);
    },
    raw(text) {
      stream.write(text);
    },
  };
}

function stamp(ms: number): string {
  const micros = Math.floor(ms * 1000);
  const part = (unit: number, modulo: number, digits: number) => String(Math.floor(micros / unit) % modulo).padStart(digits, '0');
  return `${Math.floor(micros / 60_000_000)}.${part(1_000_000, 60, 2)}.${part(1000, 1000, 3)}.${part(1, 1000, 3)}`;
}
