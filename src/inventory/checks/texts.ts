/** Placeholders, variables and users: single values, judged where they are written. */

import { maskVariables } from '../../devices/mask-variables.js';
import { placeholderNames, unknownPlaceholders } from '../../engines/placeholders.js';
import { suggest } from '../../text/suggest.js';
import { type Check, type Draft, type Place, placeAt, problem, type Section } from '../draft.js';
import { type Problem, quoted } from '../problem.js';
import { isVariable } from '../secrets.js';
import { find, type Path, pathText } from '../tree.js';

export const checkPlaceholders: Check = (draft) =>
  draft.sections.flatMap(({ path, input: { command, args, env } }) => [
    ...unknownIn(draft, [...path, 'command'], (command ?? []).entries(), true),
    ...unknownIn(draft, [...path, 'args'], (args ?? []).entries(), true),
    ...unknownIn(draft, [...path, 'env'], plainValues(env ?? {}), false),
  ]);

/** `shown`: may the text be quoted? Values of variables may not. */
function unknownIn(
  draft: Draft,
  parent: Path,
  texts: Iterable<readonly [string | number, string]>,
  shown: boolean,
): readonly Problem[] {
  return [...texts].flatMap(([step, text]) =>
    unknownPlaceholders(text).map((unknown) => {
      const path = [...parent, step];
      const near = unknown === null ? null : suggest(unknown, placeholderNames);
      const what =
        unknown === null ? 'placeholder that is not closed' : `unknown placeholder${shown ? ` ${quoted(`\${${unknown}}`)}` : ''}`;
      return problem(draft, placeOf(draft, path), {
        code: 'UNKNOWN_PLACEHOLDER',
        message: `${what} in ${pathText(path)}`,
        hint:
          near === null ? `they are ${placeholderNames.join(' ')}; write $\${ for a literal \${` : `did you mean \${${near}}?`,
      });
    }),
  );
}

function* plainValues(env: NonNullable<Section['input']['env']>): Generator<readonly [string, string]> {
  for (const [name, value] of Object.entries(env)) if (typeof value === 'string') yield [name, value];
}

const ownVariables = new Set<string>([...maskVariables, 'POOLCTL_POOL_ID', 'POOLCTL_REPLICA_ID', 'POOLCTL_INSTANCE']);

export const checkVariables: Check = (draft, { env: supervisorEnv, devices }) =>
  draft.sections.flatMap(({ path, input: { env } }) =>
    Object.entries(env ?? {}).flatMap(([name, value]): readonly Problem[] => {
      const full = [...path, 'env', name];
      const own = ownVariables.has(name) ? [reserved(draft, full, name)] : [];
      if (typeof value === 'string' || supervisorEnv[value.from_env] !== undefined) return own;
      const mayShow = isVariable(value.from_env);
      const unset = problem(draft, placeOf(draft, [...full, 'from_env']), {
        code: 'INVALID_VALUE',
        severity: devices === null ? 'warning' : 'error',
        message: `${pathText(full)} is read from ${mayShow ? value.from_env : 'a variable'}, which is not set`,
        hint: mayShow ? `export ${value.from_env} before poolctl up` : 'from_env takes the name of a variable',
      });
      return [...own, unset];
    }),
  );

function reserved(draft: Draft, path: Path, name: string): Problem {
  const key = find(draft.root, path)?.key;
  const place = key == null ? placeOf(draft, path) : { range: key, name: pathText(path) };
  const isMask = !name.startsWith('POOLCTL_');
  return problem(draft, place, {
    code: 'MASK_VARIABLE',
    message: `${pathText(path)} cannot be set: poolctl sets it ${isMask ? 'from the device mask' : 'for every engine'}`,
    hint: isMask ? 'say it by device_masks' : null,
  });
}

export const checkUsers: Check = (draft, { knownUser }) =>
  draft.sections.flatMap(({ path, input: { user } }) => {
    if (knownUser === null || user === undefined || user === null || knownUser(user)) return [];
    const full = [...path, 'user'];
    return [
      problem(draft, placeOf(draft, full), {
        code: 'INVALID_VALUE',
        message: `${pathText(full)} names the user ${quoted(user)}, who does not exist here`,
      }),
    ];
  });

function placeOf(draft: Draft, path: Path): Place {
  return placeAt(draft, path) ?? { range: { start: 0, end: 1 }, name: pathText(path) };
}
