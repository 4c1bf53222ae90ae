/** The token of the API on TCP. Only its digest is held against what a client sends, so that the time of the answer tells nothing of it. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

export type Token = {
  /** A phrase where the token cannot be had just now: then nobody is let in. */
  check(sent: string): Promise<{ readonly ok: boolean; readonly trouble: string | null }>;
};

/** A token, or why there is none, as a phrase. */
export type TokenRead = { readonly ok: true; readonly token: Token } | { readonly ok: false; readonly why: string };

/** One that stays as it is. */
export function fixedToken(text: string): TokenRead {
  if (!isToken(text)) return { ok: false, why: malformed };
  const digest = digestOf(text);
  return { ok: true, token: { check: async (sent) => ({ ok: isSame(digest, sent), trouble: null }) } };
}

/**
 * One in a file, which is looked at for each request and read again when it has changed: a new token counts at once, and the old one no more.
 * The file must be kept from others, as the socket is: nobody but its group may read it, and nobody but its owner, `uid` or root, write it.
 */
export async function tokenInFile(path: string, uid: number): Promise<TokenRead> {
  let known = await readTokenFile(path, uid);
  if (known.trouble !== null) return { ok: false, why: known.trouble };
  return {
    ok: true,
    token: {
      async check(sent) {
        const mark = await stat(path, { bigint: true }).then(markOf, () => null);
        if (mark === null || mark !== known.mark) known = await readTokenFile(path, uid);
        const { digest, trouble } = known;
        return { ok: digest !== null && isSame(digest, sent), trouble };
      },
    },
  };
}

type Known = { readonly mark: string | null; readonly digest: Buffer | null; readonly trouble: string | null };

/** Longer than any token, so that nobody reads a device to its end. */
const maxBytes = 4096;

async function readTokenFile(path: string, uid: number): Promise<Known> {
  let file: FileHandle | null = null;
  try {
    // One without a writer would otherwise be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat({ bigint: true });
    const trouble = troubleWith(stats, uid);
    if (trouble !== null) return { mark: markOf(stats), digest: null, trouble };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    const text = buffer.toString('utf8', 0, bytesRead).trim();
    if (!isToken(text)) return { mark: markOf(stats), digest: null, trouble: malformed };
    return { mark: markOf(stats), digest: digestOf(text), trouble: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { mark: null, digest: null, trouble: phrases[code ?? ''] ?? message };
  } finally {
    await file?.close();
  }
}

type Looked = { readonly mode: bigint; readonly uid: bigint; readonly size: bigint; isFile(): boolean };

function troubleWith(stats: Looked, uid: number): string | null {
  if (!stats.isFile()) return 'it is no file';
  if (stats.uid !== BigInt(uid) && stats.uid !== 0n) return `it belongs to uid ${stats.uid}, and this is uid ${uid}`;
  if ((stats.mode & 0o027n) !== 0n)
    return `others may read or write it (mode ${(stats.mode & 0o777n).toString(8).padStart(4, '0')}, not 0600)`;
  return stats.size > maxBytes ? `it has more than ${maxBytes} bytes` : null;
}

const phrases: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  ELOOP: 'it is a symbolic link to itself',
};

const malformed = 'it must be one word of visible ASCII characters';
const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

type Marked = { readonly dev: bigint; readonly ino: bigint; readonly mtimeNs: bigint; readonly ctimeNs: bigint };

/** A change of mode or owner changes the mark too, by ctime. */
function markOf({ dev, ino, mtimeNs, ctimeNs }: Marked): string {
  return `${dev}:${ino}:${mtimeNs}:${ctimeNs}`;
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isSame(digest: Buffer, sent: string): boolean {
  return timingSafeEqual(digest, digestOf(sent));
}
