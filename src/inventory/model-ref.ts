/** What `model:` may name. */

import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineKind, Result } from '../core/model.js';
import { shownReference } from '../core/reference.js';

/** Where relative paths begin, and what `~` stands for. Both absolute. */
export type Places = { readonly directory: string; readonly home: string };

/**
 * The model as an engine is to be given it: an absolute path, or `hf:…`, `https:…`, `org/repo` as they are. The error is a phrase that goes
 * on after "cannot use the model …:".
 */
export function readModelRef(ref: string, engine: EngineKind | null, places: Places): Result<string, string> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(ref)?.[1]?.toLowerCase();
  if (scheme === 'hf') return huggingFace(ref, engine);
  if (scheme === 'https' || scheme === 'http') return overHttp(ref);
  if (scheme === 'file') return localFile(ref, places);
  if (scheme !== undefined && ref.includes('://'))
    return bad(`"${scheme}:" is not known; it must be a path, file:, https: or hf:`);
  if (isRepo(ref, engine)) return { ok: true, value: ref };
  return { ok: true, value: absolute(ref, places) };
}

/** The name that a model goes by where the inventory gives none: its last part, without `.gguf`. */
export function modelName(ref: string): string {
  const last = basename(
    shownReference(ref)
      .replace(/^file:/i, '')
      .replace(/[?#].*$/s, '')
      .replace(/\/+$/, ''),
  );
  return last.replace(/\.gguf$/i, '') || shownReference(ref);
}

export function guessEngine(ref: string): EngineKind | null {
  return /\.gguf$/i.test(ref.replace(/[?#].*$/s, '')) ? 'llamacpp' : null;
}

export function absolute(path: string, { directory, home }: Places): string {
  if (path === '~') return home;
  return path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(directory, path);
}

/** vLLM and SGLang fetch by the name of a repository; whoever means a directory writes `./org/repo`. */
function isRepo(ref: string, engine: EngineKind | null): boolean {
  return (engine === 'vllm' || engine === 'sglang') && /^\w[\w.-]*\/\w[\w.-]*$/.test(ref);
}

function huggingFace(ref: string, engine: EngineKind | null): Result<string, string> {
  const [, repo, file] = /^hf:(\w[\w.-]*\/\w[\w.-]*)(?:\/(\S+))?$/i.exec(ref) ?? [];
  if (repo === undefined) return bad('it must be hf:org/repo/file');
  if (file?.split('/').some((part) => part === '' || part === '.' || part === '..')) return bad('it leads out of its repository');
  if (file === undefined && engine === 'llamacpp') return bad('it names no file of the repository; write hf:org/repo/file.gguf');
  return { ok: true, value: ref };
}

function overHttp(ref: string): Result<string, string> {
  if (!URL.canParse(ref)) return bad('it is no URL');
  const { protocol, hostname } = new URL(ref);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
  return protocol === 'https:' || loopback ? { ok: true, value: ref } : bad('http: is for this machine only; write https:');
}

function localFile(ref: string, places: Places): Result<string, string> {
  const path = ref.slice('file:'.length);
  if (!path.startsWith('//')) return path === '' ? bad('it names no file') : { ok: true, value: absolute(path, places) };
  try {
    return { ok: true, value: fileURLToPath(ref) };
  } catch {
    return bad('it is no file: URL of this machine; write file:///path');
  }
}

const bad = (error: string): Result<never, string> => ({ ok: false, error });
