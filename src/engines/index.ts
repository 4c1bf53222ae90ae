/** Every engine that an inventory can name. */

import type { EngineKind } from '../core/model.js';
import type { EngineAdapter } from './adapter.js';
import { command } from './command.js';
import { demo } from './demo.js';
import { llamacpp } from './llamacpp.js';
import { sglang } from './sglang.js';
import { vllm } from './vllm.js';

export const adapters: Readonly<Record<EngineKind, EngineAdapter>> = { llamacpp, vllm, sglang, command, demo };
