/** The model on disk: is it there, may the engine read it, does it look like what it should be, and is it the very one. */

import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Obstacle } from '../core/facts.js';
import type { EngineKind, Result } from '../core/model.js';
import { partNames } from '../models/parts.js';

/** Why the engine may not use a path so; null when it may. */
export type Permission = (path: string, want: 'read' | 'enter') => Promise<string | null>;

export type LocalModel = {
  /** All of its files together; null for a directory. */
  readonly bytes: number | null;
  /** What a digest is remembered by: device, inode, size and time of change. Null for a directory. */
  readonly identity: string | null;
  /** Its GGUF files, in their order; none for anything else. */
  readonly ggufFiles: readonly string[];
};

/** Looks at a model's local path. A GGUF model in parts ("…-00001-of-00003.gguf") is all of its parts. */
export async function inspectModel(path: string, engine: EngineKind, may: Permission): Promise<Result<LocalModel, Obstacle>> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error)
    return refusal(path, found.code === 'ENOENT' || found.code === 'ENOTDIR' ? 'there is no such file' : found.message);
  return found.isDirectory() ? inspectDirectory(path, engine, may) : inspectFile(path, found, may);
}

async function inspectDirectory(path: string, engine: EngineKind, may: Permission): Promise<Result<LocalModel, Obstacle>> {
  if (engine === 'llamacpp') return refusal(path, 'it is a directory, and llama.cpp wants a .gguf file', await ggufHint(path));
  const closed = await may(path, 'enter');
  if (closed !== null) return refusal(path, closed);
  if (engine === 'vllm' || engine === 'sglang') {
    const closedConfig = await may(join(path, 'config.json'), 'read');
    if (closedConfig !== null) return refusal(path, `a model directory has a config.json, and of this one ${closedConfig}`);
  }
  return { ok: true, value: { bytes: null, identity: null, ggufFiles: [] } };
}

async function inspectFile(path: string, found: Stats, may: Permission): Promise<Result<LocalModel, Obstacle>> {
  let bytes = 0;
  const parts = partNames(path);
  const isGguf = isGgufName(path);
  for (const part of parts) {
    const stats = part === path ? found : await stat(part).catch(() => null);
    if (stats === null) return refusal(path, `its part "${basename(part)}" is not there`);
    if (!stats.isFile()) return refusal(path, 'it is not a regular file');
    const closed = await may(part, 'read');
    if (closed !== null) return refusal(path, closed);
    const flaw = isGguf ? await ggufFlaw(part) : null;
    if (flaw !== null) return refusal(path, part === path ? flaw : `its part "${basename(part)}": ${flaw}`);
    bytes += stats.size;
  }
  return { ok: true, value: { bytes, identity: identityOf(found), ggufFiles: isGguf ? parts : [] } };
}

/** Tells the file as it is from what it was, and from any other. */
export function identityOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(':');
}

export function isGgufName(path: string): boolean {
  return path.toLowerCase().endsWith('.gguf');
}

/** Magic and version; whether the rest is whole only the engine can tell. */
export async function ggufFlaw(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    if (bytesRead < 8) return `it has only ${bytesRead} bytes`;
    if (buffer.toString('latin1', 0, 4) !== 'GGUF') return 'it is no GGUF file (its first four bytes are not "GGUF")';
    const version = buffer.readUInt32LE(4);
    if (version === 0 || version > 0xffff) return 'it is a GGUF file of the other byte order';
    return version === 1 ? 'it is a GGUF file of version 1, which llama.cpp reads no longer' : null;
  } finally {
    await file.close();
  }
}

async function ggufHint(dir: string): Promise<string | undefined> {
  const names = await readdir(dir).catch(() => []);
  const name = names.filter((each) => each.endsWith('.gguf')).sort()[0];
  return name === undefined ? undefined : `model: ${join(dir, name)}`;
}

function refusal(path: string, why: string, hint?: string): { readonly ok: false; readonly error: Obstacle } {
  const text = `cannot use the model "${path}": ${why}`;
  return { ok: false, error: { what: 'model', text, hint: hint ?? `look into ${dirname(path)}, or correct "model"` } };
}
