/** What a command says, while it runs and at its end. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export function listen(child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  const news = new Set<() => void>();
  child.stdout?.on('data', (text) => {
    stdout += String(text);
  });
  child.stderr?.on('data', (text) => {
    stderr += String(text);
    for (const hear of news) hear();
  });
  child.stderr?.on('end', () => {
    for (const hear of news) hear();
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, stdout, stderr }));
  const says = async (words: string): Promise<void> => {
    while (!stderr.includes(words)) {
      if (child.stderr?.readableEnded !== false) throw new Error(`it has not said "${words}", but: ${stderr}`);
      await new Promise<void>((resolve) => {
        const hear = (): void => {
          news.delete(hear);
          resolve();
        };
        news.add(hear);
      });
    }
  };
  return { ended, says };
}
