/** What an apply does, pool by pool: the action, the pool, and why, one reason a line. */

import type { ApplyView, OperationView } from '../../src/api/wire.js';
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

/** `awaited`: whoever is wanted and not ready yet. */
export function appliedText({ cut }: OperationView, awaited: readonly string[]): string {
  const lost = cut === 0 ? '' : ` ${cut} lease${cut === 1 ? '' : 's'} cut.`;
  const rest = awaited.length === 0 ? '' : ` Not ready yet: poolctl wait ${awaited.join(' ')} --for ready`;
  return `Applied.${lost}${rest}\n`;
}
