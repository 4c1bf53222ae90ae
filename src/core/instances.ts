/** The engines that a record knows: living, launched, dead with somebody left, or on their way out. */

import type { RecordedState } from './record.js';

export function instancesOf({ replicas, leftovers }: RecordedState): ReadonlySet<string> {
  const own = Object.values(replicas).flatMap(({ life, died }) => [
    ...(died === null ? [] : [died]),
    ...('engine' in life ? [life.engine] : 'intent' in life && life.intent !== null ? [life.intent] : []),
  ]);
  return new Set([...own, ...leftovers].map(({ instance }) => instance));
}
