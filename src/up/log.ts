/** The supervisor's log: events as lines, for people on a terminal and as JSON elsewhere. */

import type { LogLevel } from '../core/model.js';
import { isTold, jsonLine, prettyLine } from '../telemetry/lines.js';
import type { News } from './news.js';

export type LogForm = { readonly format: 'auto' | 'pretty' | 'json'; readonly least: LogLevel; readonly isTTY: boolean };

export function writeLog(news: News, { format, least, isTTY }: LogForm, write: (text: string) => void): void {
  const pretty = format === 'pretty' || (format === 'auto' && isTTY);
  news.onLine((line) => {
    if (isTold(line.level, least)) write(`${pretty ? prettyLine(line, isTTY ? 'tty' : 'plain') : jsonLine(line)}\n`);
  });
}
