/** GGUF models in parts: "m-00001-of-00003.gguf" stands for all three. */

/** All names of the model, the given one first; only that one where it is whole. */
export function partNames(path: string): readonly string[] {
  const [, stem, of] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(path) ?? [];
  if (stem === undefined || of === undefined) return [path];
  const count = Math.max(1, Number(of));
  return Array.from({ length: count }, (_, at) => `${stem}-${String(at + 1).padStart(5, '0')}-of-${of}.gguf`);
}
