/** Text of others on one line of ours: it can neither break the line nor steer the terminal. */

import { harmless } from './width.js';

export function oneLine(text: string): string {
  return harmless(text.replace(/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]+/g, ' ').trim());
}
