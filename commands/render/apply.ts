/** What an apply does, pool by pool: the action, the pool, and why, one reason a line. */

import type { ApplyView } from '../../src/api/wire.js';
import { displayWidth } from '../../src/text/width.js';

export function planLines({ plan }: ApplyView): string {
  const width = Math.max(0, ...plan.map(({ pool_id }) => displayWidth(pool_id)));
  return plan
    .flatMap(({ action, pool_id, reasons }) => {
      const head = `${action.padEnd(11)}  ${pool_id.padEnd(width)}`;
      const [first = '', ...others] = reasons;
      return [`${head}  ${first}`.trimEnd(), ...others.map((reason) => `${' '.repeat(head.length)}  ${reason}`)];
    })
    .map((line) => `${line}\n`)
    .join('');
}
