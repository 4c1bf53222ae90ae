/** What the engines that load from the Hugging Face hub have in common. */

/** Keeps their hub library from asking the network; models then come from disk and cache only. */
export const hubOffline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_DATASETS_OFFLINE: '1' } as const;

/** The reference as these engines take it: a path, or `org/repo`. */
export function hubReference(model: string): string {
  return model.startsWith('hf:') ? model.slice('hf:'.length) : model;
}
