/** The model on disk: is it there, may the engine read it, does it look like what it should be, and is it the very one. */

import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Obstacle } from '../core/messages.js';
import type { EngineKind, Result } from '../core/model.js';
import { runProgram } from './run.js';

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

/** SHA-256 by a program, so that gigabytes are not read on our thread. The error is a phrase for people. */
export async function digestOf(path: string): Promise<Result<string, string>> {
  const run = await runProgram('sha256sum', ['-b', '--', path], { timeoutMs: 60 * 60_000 });
  if (!run.ok) return run;
  // A name with odd characters is printed escaped, with a backslash before the line.
  const hex = /^\\?([0-9a-f]{64}) /.exec(run.value.stdout)?.[1];
  return hex === undefined
    ? { ok: false, error: run.value.stderr.trim() || 'sha256sum printed no digest' }
    : { ok: true, value: `sha256:${hex}` };
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
  const parts = partsOf(path);
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
  const identity = [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join(':');
  return { ok: true, value: { bytes, identity, ggufFiles: isGguf ? parts : [] } };
}

function isGgufName(path: string): boolean {
  return path.toLowerCase().endsWith('.gguf');
}

/** Magic and version; whether the rest is whole only the engine can tell. */
async function ggufFlaw(path: string): Promise<string | null> {
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

function partsOf(path: string): readonly string[] {
  const [, stem, of] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(path) ?? [];
  if (stem === undefined || of === undefined) return [path];
  return Array.from({ length: Number(of) }, (_, at) => `${stem}-${String(at + 1).padStart(5, '0')}-of-${of}.gguf`);
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
