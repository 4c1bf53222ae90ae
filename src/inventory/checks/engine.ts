/** Does each pool say what to run? */

import { shownReference } from '../../core/reference.js';
import { type Check, type DraftPool, problem } from '../draft.js';
import { readModelRef } from '../model-ref.js';
import { type Complaint, quoted } from '../problem.js';

export const checkEngines: Check = (draft, places) =>
  draft.pools.flatMap((pool) => {
    const missing = missingKey(pool);
    const { model } = pool.settings;
    const ref =
      model === null || pool.isSpoilt('model') || pool.isSpoilt('engine') ? null : readModelRef(model, pool.engine, places);
    return [
      ...(missing === null ? [] : [problem(draft, pool.key, missing)]),
      ...(ref === null || ref.ok
        ? []
        : [
            problem(draft, pool.place(['model']), {
              code: 'INVALID_VALUE',
              message: `cannot use the model ${quoted(shownReference(model ?? ''))}: ${ref.error}`,
            }),
          ]),
      ...(commandIsFor(pool) ? [] : [problem(draft, pool.place(['command']), needlessCommand(pool))]),
    ];
  });

function missingKey({ id, engine, settings, isSpoilt }: DraftPool): Complaint | null {
  const missing = (key: string, hint: string, why = ''): Complaint => ({
    code: 'MISSING_KEY',
    message: `missing key "${key}" in pools.${id}${why}`,
    hint,
  });
  if (isSpoilt('engine')) return null;
  if (engine === null) {
    if (isSpoilt('model')) return null;
    if (settings.command !== null) return missing('engine', 'engine: command');
    if (settings.model === null)
      return missing('model', 'a path, hf:org/repo/file.gguf, or an engine that needs none: command or demo');
    return missing(
      'engine',
      'llamacpp, vllm, sglang, command or demo',
      `: it cannot be guessed from the model ${quoted(shownReference(settings.model))}`,
    );
  }
  if (engine === 'command') {
    return settings.command === null && !isSpoilt('command')
      ? missing('command', 'command: [/path/to/program, --port, "${PORT}"]')
      : null;
  }
  if (engine === 'demo' || settings.model !== null || isSpoilt('model')) return null;
  return missing('model', engine === 'llamacpp' ? 'a path, https:… or hf:org/repo/file.gguf' : 'a directory, or org/repo');
}

/** One that is inherited is for the pools that can use it. */
function commandIsFor({ engine, own }: DraftPool): boolean {
  return engine === 'command' || engine === null || own.command === undefined || own.command === null;
}

function needlessCommand({ id, engine }: DraftPool): Complaint {
  return {
    code: 'INVALID_VALUE',
    message: `pools.${id}.command is for engine: command, and the engine is ${engine}`,
    hint: 'name the program by "binary", and what is appended to its argv by "args"',
  };
}
