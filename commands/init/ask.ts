/** Questions at a terminal. An answer is a line; the end of the input is a no to everything. */

import type { Cli } from '../cli.js';

export type Asker = {
  /** One of `count`, from 0; enter takes the first. Null: the input has ended. */
  choose(question: string, count: number): Promise<number | null>;
  /** Enter is a yes. */
  agree(question: string): Promise<boolean>;
  close(): Promise<void>;
};

export function askerFor({ input, stderr }: Pick<Cli, 'input' | 'stderr'>): Asker {
  const lines = linesOf(input.pieces());
  const answerTo = async (question: string): Promise<string | null> => {
    stderr(question);
    const { value, done } = await lines.next();
    return done === true ? null : value.trim();
  };
  return {
    async choose(question, count) {
      for (;;) {
        const answer = await answerTo(question);
        if (answer === null) return null;
        if (answer === '') return 0;
        const number = /^\d{1,4}$/.test(answer) ? Number(answer) : 0;
        if (number >= 1 && number <= count) return number - 1;
        stderr(`a number from 1 to ${count}, please\n`);
      }
    },
    async agree(question) {
      for (;;) {
        const answer = await answerTo(question);
        if (answer === null || /^(?:n|no)$/i.test(answer)) return false;
        if (answer === '' || /^(?:y|yes)$/i.test(answer)) return true;
        stderr('y or n, please\n');
      }
    },
    // An input that is still read keeps the program from ending.
    close: async () => void (await lines.return(undefined)),
  };
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of pieces) {
    text += decoder.decode(piece, { stream: true });
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      yield line;
    }
  }
  if (text !== '') yield text;
}
