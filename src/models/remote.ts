/** A model that is named by where it comes from: `hf:org/repo/file`, or a URL. */

import { shownReference } from '../core/reference.js';
import { partNames } from './parts.js';

/** One file, and where it is fetched from. */
export type RemoteFile = {
  /** Its name, for people and on disk. */
  readonly name: string;
  /** As written: it may hold credentials, and is not to be shown. */
  readonly url: string;
};

export type Remote = {
  readonly hub: { readonly repo: string; readonly path: string } | null;
  /** More than one for a model in parts; the first is the one that engines are given. */
  readonly files: readonly [RemoteFile, ...RemoteFile[]];
};

/** Null for a path, and for a repository as a whole. `endpoint`: of the Hugging Face hub. */
export function remoteOf(reference: string, endpoint: string): Remote | null {
  if (/^https?:\/\//i.test(reference)) return URL.canParse(reference) ? overHttp(new URL(reference)) : null;
  const [, repo, path] = /^hf:([^/\s]+\/[^/\s]+)\/(\S+)$/i.exec(reference) ?? [];
  if (repo === undefined || path === undefined || !isPlain(path)) return null;
  const at = path.lastIndexOf('/') + 1;
  const files = partNames(path.slice(at)).map((name) => ({
    name,
    url: `${endpoint}/${repo}/resolve/main/${[...path.slice(0, at).split('/').filter(Boolean), name].map(encodeURIComponent).join('/')}`,
  }));
  return { hub: { repo, path }, files: files as [RemoteFile, ...RemoteFile[]] };
}

/** Where it is fetched from, without secrets. */
export function shownUrl({ files: [{ url }] }: Remote): string {
  return shownReference(url);
}

/** `$HF_ENDPOINT` names a mirror of the hub. */
export function hubEndpoint(env: Readonly<Record<string, string | undefined>>): string {
  const said = env.HF_ENDPOINT?.replace(/\/+$/, '');
  return said === undefined || !URL.canParse(said) || !isSafe(new URL(said)) ? 'https://huggingface.co' : said;
}

/** What may be fetched over: encrypted, or not leaving this machine. */
export function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

function overHttp(url: URL): Remote | null {
  if (!isSafe(url)) return null;
  url.hash = '';
  const at = url.pathname.lastIndexOf('/') + 1;
  const last = decoded(url.pathname.slice(at)).replace(/[/\0]/g, '_');
  if (last === '' || last === '.' || last === '..') return null;
  const files = partNames(last).map((name) => {
    const of = new URL(url);
    if (name !== last) of.pathname = `${url.pathname.slice(0, at)}${encodeURIComponent(name)}`;
    return { name, url: of.href };
  });
  return { hub: hubOf(url), files: files as [RemoteFile, ...RemoteFile[]] };
}

/** Whoever copies the address of a file at the hub means that file, wherever it lies already. */
function hubOf({ protocol, hostname, pathname }: URL): Remote['hub'] {
  if (protocol !== 'https:' || hostname !== 'huggingface.co') return null;
  const [, repo, path] = /^\/([^/]+\/[^/]+)\/(?:resolve|blob)\/main\/(.+)$/.exec(pathname) ?? [];
  const plain = path === undefined ? '' : decoded(path);
  return repo === undefined || !isPlain(plain) ? null : { repo: decoded(repo), path: plain };
}

/** No way out of the directory that it is put into. */
function isPlain(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
