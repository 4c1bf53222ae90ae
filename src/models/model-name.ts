/** What a model goes by, where its own file says so. */

import { readGguf } from './gguf.js';

/**
 * The name in a GGUF file's header; null where there is none that would do for a label and an engine's API, or it cannot be read in time. Never
 * rejects. Of a model in parts the first has the name.
 */
export async function modelName(path: string, read = readGguf, patienceMs = 3_000): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, patienceMs, null);
  });
  const header = await Promise.race([read(path), late]);
  clearTimeout(timer);
  const name = header?.ok === true ? header.value.name : null;
  return name === null || !isLabel(name) ? null : name;
}

/** Engines take a comma for the end of one name of several, and a dash at the beginning for a flag. */
function isLabel(name: string): boolean {
  return name.length <= longestName && !name.includes(',') && !name.startsWith('-');
}

const longestName = 120;
