/** How much of its model a llama-server has put on its devices, as its log says while it loads. */

import type { Offload } from '../core/facts.js';
import { bareLine } from './prefix.js';

/** Null for every other line. To be asked of lines of the engine's own form only. */
export function offloadOf(line: string): Offload | null {
  if (!line.includes(' layers to GPU')) return null;
  const [, layers, of] = told.exec(bareLine(line).body) ?? [];
  return layers === undefined || of === undefined ? null : { layers: Number(layers), of: Number(of) };
}

/** By the name of the function that says it, which has changed: a user's text has none before it. */
const told = /^(?:load_tensors|llm_load_tensors|llama_model_load_internal): offloaded (\d{1,6})\/(\d{1,6}) layers to GPU$/;
