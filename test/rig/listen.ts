/** What a command says, while it runs and at its end. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export function listen(child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => {
    stdout += String(text);
  });
  child.stderr?.on('data', (text) => {
    stderr += String(text);
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, stdout, stderr }));
  const says = async (words: string): Promise<void> => {
    while (!stderr.includes(words)) {
      if (child.stderr?.readableEnded !== false) throw new Error(`it has not said "${words}", but: ${stderr}`);
      await Promise.race([once(child.stderr, 'data'), once(child.stderr, 'end')]);
    }
  };
  return { ended, says };
}
