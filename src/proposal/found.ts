/** What was found on a machine of which nothing is known yet: the facts from which a first inventory is made. Unknown is null. */

import type { Device, DeviceProcess, Result } from '../core/model.js';
import type { GgufHeader } from '../models/gguf.js';

export type FoundEngine = {
  readonly kind: 'llamacpp' | 'vllm' | 'sglang';
  /** The program that was looked for on PATH. */
  readonly name: string;
  /** Null: it is not there. */
  readonly path: string | null;
  readonly version: string | null;
  /** Why it does not run, as a phrase; null where it does. */
  readonly flaw: string | null;
  /** The GPUs that it sees, as it calls them ("CUDA0"); null where it cannot tell. */
  readonly sees: readonly string[] | null;
};

export type FoundModel = {
  /** As an inventory names it: `~/models/m.gguf`, `hf:org/repo/m.gguf`. */
  readonly ref: string;
  /** Of all its files. */
  readonly bytes: number;
  /** Names of its parts that are not there. */
  readonly missing: readonly string[];
  readonly header: Result<GgufHeader, string>;
};

export type Found = {
  readonly devices: readonly Device[];
  readonly processes: readonly DeviceProcess[] | null;
  /** Why there are no devices, or what is wrong with their tool. */
  readonly note: string | null;
  readonly engines: readonly FoundEngine[];
  readonly models: readonly FoundModel[];
  /** `org/repo` in the cache of the hub that vLLM and SGLang could serve. */
  readonly hubRepos: readonly string[];
  /** Where models were looked for, as people write it; `whole` is false where there was no time to see all of it. */
  readonly places: readonly string[];
  readonly whole: boolean;
  /** Of the machine's memory, what programs could have now. */
  readonly memoryBytes: number | null;
  readonly ports: FoundPorts;
};

export type FoundPorts = {
  /** The range that the inventory is to have; null: the one that is built in has enough that are free. */
  readonly range: string | null;
  /** The first that is free; null where none is. */
  readonly first: number | null;
};
