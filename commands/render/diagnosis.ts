/** A diagnosis as people read it: what it was, on which line that stands, what to do. */

import type { Diagnosis } from '../../src/diagnosis/alone.js';
import { oneLine } from '../../src/text/one-line.js';

/** At most four lines; what there is nothing to say of has no line. */
export function diagnosisText({ class: kind, subclass, confidence, evidence, summary, hint }: Diagnosis): string {
  const named = subclass === null ? kind : `${kind} (${subclass})`;
  const guess = confidence === 'low' && kind !== 'unknown' ? ', not for certain' : '';
  const facts: readonly (readonly [string, string | null])[] = [
    ['class', `${named}${guess}`],
    ['evidence', evidence === null ? null : `line ${evidence.line}: ${evidence.text}`],
    ['hint', hint],
  ];
  const lines = facts.flatMap(([key, value]) => (value === null ? [] : [`  ${key.padEnd(11)}${oneLine(value)}`]));
  return `${[oneLine(summary), ...lines].join('\n')}\n`;
}
