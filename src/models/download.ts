/**
 * One file from a server, in as many tries as it takes: each goes on where the last one was cut, also one of an earlier supervisor, whose part lies
 * there with a note of what it is part of.
 */

import type { FileHandle } from 'node:fs/promises';
import { readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorizationFor, type FetchError, type Held, linkedFile, readAnswer, redirected } from './answer.js';
import { speedometer } from './speedometer.js';

export type DownloadWish = {
  /** May hold credentials. */
  readonly url: string;
  /** The unfinished file, open for writing; beside `path` lies the note. */
  readonly part: { readonly file: FileHandle; readonly path: string };
  readonly token: string | undefined;
  /** A hub's word that differs from this ends it before it begins. */
  readonly sha256: string | null;
  readonly signal: AbortSignal;
  readonly tell: (progress: Progress) => void;
  readonly patience?: Partial<Patience>;
};

export type Progress = {
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly leftMs: number | null;
  readonly note: string | null;
};

export type Patience = {
  /** Before each try after one that brought nothing. */
  readonly waitsMs: readonly number[];
  /** A server that sends nothing for so long is given up for this try. */
  readonly silenceMs: number;
  readonly tellEveryMs: number;
};

export type Downloaded =
  | { readonly ok: true; readonly bytes: number /** By the hub's word. */; readonly sha256: string | null }
  | { readonly ok: false; readonly error: FetchError | DigestError };

type DigestError = { readonly kind: 'digest'; readonly text: string };

/** What the part is part of. */
type Note = {
  readonly url: string;
  readonly validator: string | null;
  readonly total: number | null;
  readonly sha256: string | null;
};

const usual: Patience = { waitsMs: [1_000, 2_000, 4_000, 8_000, 15_000], silenceMs: 30_000, tellEveryMs: 500 };
const mostRedirects = 10;
/** Left free on the disk. */
const marginBytes = 64 * 2 ** 20;
const pieceBytes = 2 ** 20;

/** Never rejects. What was fetched stays where it is, whatever the end. */
export async function download(wish: DownloadWish): Promise<Downloaded> {
  const patience = { ...usual, ...wish.patience };
  const { part, signal, tell } = wish;
  let vain = 0;
  let held = await heldOf(wish);
  let most = held.bytes;
  for (;;) {
    const end = await attempt(wish, held, patience).catch((error: unknown) => brokenBy(error, signal));
    if (end.ok) return end;
    if (signal.aborted) return left;
    if (end.error.kind !== 'broken') return end;
    // What is here is of no use where the server will not go on with it.
    if (end.error.waitMs === 0) await part.file.truncate(0).catch(() => undefined);
    held = await heldOf(wish);
    // As long as there is more than ever after a try, it goes on; a server that lies does not keep it going.
    vain = held.bytes > most ? 0 : vain + 1;
    most = Math.max(most, held.bytes);
    const waitMs = end.error.waitMs ?? patience.waitsMs[Math.max(0, vain - 1)];
    if (waitMs === undefined || vain > patience.waitsMs.length) return end;
    const note = `${end.error.text}; tried again in ${Math.ceil(waitMs / 1000)}s`;
    tell({ doneBytes: held.bytes, totalBytes: held.total, leftMs: null, note });
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return left;
  }
}

const left: Downloaded = { ok: false, error: { kind: 'left', text: 'nobody waits for it any more' } };

async function attempt(wish: DownloadWish, held: Held, patience: Patience): Promise<Downloaded> {
  const { part, signal } = wish;
  const quiet = new AbortController();
  const timer = setTimeout(() => quiet.abort(new Error('silence')), patience.silenceMs);
  try {
    const asked = await ask(wish, held, AbortSignal.any([signal, quiet.signal]));
    if (!asked.ok) return asked;
    const { response, linked } = asked;
    const known = wish.sha256;
    if (known !== null && linked.sha256 !== null && linked.sha256 !== known) {
      await response.body?.cancel();
      return {
        ok: false,
        error: {
          kind: 'digest',
          text: `the server's file has the digest sha256:${linked.sha256}, and model_digest says sha256:${known}`,
        },
      };
    }
    const begin = readAnswer(response, held);
    if (!begin.ok) {
      await response.body?.cancel();
      return begin;
    }
    const total = begin.total ?? linked.bytes;
    const short = await shortage(part.path, total === null ? 0 : total - begin.from);
    if (short !== null) {
      await response.body?.cancel();
      return { ok: false, error: { kind: 'space', text: short } };
    }
    if (begin.from === 0) await part.file.truncate(0);
    await writeNote(part.path, { url: marked(wish.url), validator: begin.validator, total, sha256: linked.sha256 });
    const bytes = begin.whole
      ? begin.from
      : await receive(wish, response, { from: begin.from, total, patience, alive: () => timer.refresh() });
    if (total !== null && bytes < total) return { ok: false, error: { kind: 'broken', text: 'the connection was cut' } };
    if (total !== null && bytes > total) {
      await part.file.truncate(0);
      return { ok: false, error: { kind: 'broken', text: 'the server sent more than it had said' } };
    }
    return { ok: true, bytes, sha256: linked.sha256 };
  } catch (error) {
    if (quiet.signal.aborted && !signal.aborted)
      return {
        ok: false,
        error: { kind: 'broken', text: `the server has sent nothing for ${Math.round(patience.silenceMs / 1000)}s` },
      };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

type Asked =
  | { readonly ok: true; readonly response: Response; readonly linked: ReturnType<typeof linkedFile> }
  | { readonly ok: false; readonly error: FetchError };

/** Follows redirects by hand: each is looked at, and no credentials go along to another server. */
async function ask({ url: first, token }: DownloadWish, held: Held, signal: AbortSignal): Promise<Asked> {
  let url = new URL(first);
  let linked: ReturnType<typeof linkedFile> = { sha256: null, bytes: null };
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const authorization = authorizationFor(url, token);
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    const headers = {
      'user-agent': 'poolctl',
      'accept-encoding': 'identity',
      ...(authorization === null ? {} : { authorization }),
      ...(held.bytes > 0 && held.validator !== null ? { range: `bytes=${held.bytes}-`, 'if-range': held.validator } : {}),
    };
    const response = await fetch(bare, { headers, redirect: 'manual', signal });
    const told = linkedFile(response.headers);
    linked = { sha256: linked.sha256 ?? told.sha256, bytes: linked.bytes ?? told.bytes };
    if (![301, 302, 303, 307, 308].includes(response.status)) return { ok: true, response, linked };
    await response.body?.cancel();
    const next = redirected(url, response.headers.get('location'));
    if (next === null)
      return { ok: false, error: { kind: 'refused', text: 'the server sends us to an address that is not safe' } };
    // Whoever leads us elsewhere does not hand out credentials for that place.
    if (next.origin !== url.origin) next.username = next.password = '';
    url = next;
  }
  return { ok: false, error: { kind: 'refused', text: `the server sends us on and on (${mostRedirects} times)` } };
}

type Receiving = {
  readonly from: number;
  readonly total: number | null;
  readonly patience: Patience;
  readonly alive: () => void;
};

/** Writes what comes, in large pieces. Answers how many bytes there are then. @throws what cut it off; what came before is on disk */
async function receive(
  { part, tell }: DownloadWish,
  { body }: Response,
  { from, total, patience, alive }: Receiving,
): Promise<number> {
  let at = from;
  let waiting: Uint8Array[] = [];
  let size = 0;
  const speed = speedometer();
  let toldAt = Number.NEGATIVE_INFINITY;
  const flush = async (): Promise<void> => {
    if (size === 0) return;
    const pieces = waiting;
    const bytes = size;
    [waiting, size] = [[], 0];
    const { bytesWritten } = await part.file.writev(pieces, at);
    if (bytesWritten < bytes) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    at += bytes;
  };
  try {
    for await (const piece of body ?? []) {
      alive();
      waiting.push(piece);
      size += piece.length;
      if (size >= pieceBytes) await flush();
      const now = performance.now();
      if (now - toldAt < patience.tellEveryMs) continue;
      toldAt = now;
      const doneBytes = at + size;
      tell({ doneBytes, totalBytes: total, leftMs: speed(now, doneBytes, total), note: null });
    }
  } finally {
    await flush();
  }
  return at;
}

async function shortage(path: string, bytes: number): Promise<string | null> {
  const disk = await statfs(dirname(path)).catch(() => null);
  if (disk === null) return null;
  const free = disk.bavail * disk.bsize;
  return bytes + marginBytes <= free || bytes === 0
    ? null
    : `${gib(bytes)} are to come, and ${gib(free)} are free in ${dirname(path)}`;
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const noteOf = (path: string): string => `${path}.json`;

async function writeNote(path: string, note: Note): Promise<void> {
  await writeFile(noteOf(path), `${JSON.stringify(note)}\n`);
}

/** To be called when the part has become the whole, or is worth nothing. */
export async function removeNote(path: string): Promise<void> {
  await rm(noteOf(path), { force: true });
}

/** What is here and can be gone on with. A part without a note, or of another file, is none. */
async function heldOf({ url, part }: DownloadWish): Promise<Held> {
  const nothing: Held = { bytes: 0, validator: null, total: null };
  try {
    const note = JSON.parse(await readFile(noteOf(part.path), 'utf8')) as Note;
    const { size: bytes } = await part.file.stat();
    if (note.url !== marked(url) || typeof note.validator !== 'string') return nothing;
    if (note.total !== null && bytes > note.total) return nothing;
    return { bytes, validator: note.validator, total: note.total };
  } catch {
    return nothing;
  }
}

/** The note lies on disk: credentials are not for it. */
function marked(url: string): string {
  const of = new URL(url);
  return `${of.origin}${of.pathname}`;
}

function brokenBy(error: unknown, signal: AbortSignal): Downloaded {
  if (signal.aborted) return left;
  const { code, message, cause } = error as NodeJS.ErrnoException & { readonly cause?: NodeJS.ErrnoException };
  if (code === 'ENOSPC' || code === 'EDQUOT') return { ok: false, error: { kind: 'space', text: 'the disk is full' } };
  if (code !== undefined && /^E(ACCES|PERM|ROFS|IO|FBIG)$/.test(code))
    return { ok: false, error: { kind: 'disk', text: message } };
  const reason = cause?.code ?? code ?? '';
  return {
    ok: false,
    error: {
      kind: 'broken',
      text: phrases[reason] ?? (reason === '' ? 'the connection was cut' : `the connection failed (${reason})`),
    },
  };
}

const phrases: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens at the server',
  ENOTFOUND: 'the name of the server is not known',
  EAI_AGAIN: 'the name of the server cannot be looked up just now',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'the server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  ENETUNREACH: 'there is no way to the server',
  EHOSTUNREACH: 'there is no way to the server',
  CERT_HAS_EXPIRED: 'the certificate of the server has expired',
};
