/** Do the bounds of a policy stand in their order? Only those that a user wrote are judged: built-in ones give way. */

import { parseDuration } from '../../text/duration.js';
import { type Check, type DraftPool, problem } from '../draft.js';
import type { Problem } from '../problem.js';
import type { Path } from '../tree.js';

export const checkPolicies: Check = (draft) =>
  draft.pools.flatMap((pool) => {
    const { backoff, breaker } = pool.settings.restart;
    return [
      ...outOfOrder(pool, ['restart', 'backoff'], ['min', backoff.min], ['max', backoff.max]),
      ...outOfOrder(pool, ['restart', 'breaker'], ['open_for', breaker.open_for], ['max_open_for', breaker.max_open_for]),
    ];

    function outOfOrder(
      { id, isSpoilt, place, key }: DraftPool,
      at: Path,
      [lower, least]: readonly [string, string],
      [upper, most]: readonly [string, string],
    ): readonly Problem[] {
      const where = place([...at, lower]);
      if (isSpoilt('restart') || where.range === key.range || (parseDuration(least) ?? 0) <= (parseDuration(most) ?? 0))
        return [];
      const message = `${lower} must not be above ${upper} in pools.${id}.${at.join('.')}, is ${least} and ${most}`;
      return [problem(draft, where, { code: 'INVALID_VALUE', message })];
    }
  });
