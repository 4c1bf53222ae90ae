/** What a server says to a request for a file, or for the rest of one. */

import { isLoopback, isSafe } from './remote.js';

/** Why a file does not come. */
export type FetchError = {
  /** refused: for good; broken: it may come another time; space: the disk is too small just now; disk: it cannot be written. */
  readonly kind: 'refused' | 'broken' | 'space' | 'disk' | 'left';
  /** A phrase for people, without the address. */
  readonly text: string;
  readonly hint?: string;
  /** What the server asks to wait. */
  readonly waitMs?: number;
};

/** The part of a file that was here when the request was made, and what is known of the whole. */
export type Held = {
  readonly bytes: number;
  /** By which the server knows it again: an ETag, or a date. Null: nothing can be gone on with. */
  readonly validator: string | null;
  readonly total: number | null;
};

export type Begin =
  | {
      readonly ok: true;
      /** Where what comes belongs; 0: what is here is worth nothing. */
      readonly from: number;
      readonly total: number | null;
      readonly validator: string | null;
      /** Nothing is missing. */
      readonly whole: boolean;
    }
  | { readonly ok: false; readonly error: FetchError };

type Answer = Pick<Response, 'status' | 'headers'>;

/** Whether what comes goes on where we stopped, begins anew, or does not come. */
export function readAnswer({ status, headers }: Answer, held: Held): Begin {
  const validator = validatorOf(headers);
  if (status === 200) {
    if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return refused('the server sends it compressed');
    return { ok: true, from: 0, total: length(headers.get('content-length')), validator, whole: false };
  }
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const total = length(range?.[2] ?? null);
  if (status === 206) {
    // A server that gives another part than was asked for, or of a file that has changed, is asked for the whole.
    if (range?.[1] === undefined || Number(range[1]) !== held.bytes || (held.total !== null && total !== held.total)) return anew;
    return { ok: true, from: held.bytes, total, validator: validator ?? held.validator, whole: false };
  }
  if (status === 416)
    return held.bytes > 0 && total === held.bytes && (held.total === null || held.total === total)
      ? { ok: true, from: held.bytes, total, validator: held.validator, whole: true }
      : anew;
  return { ok: false, error: errorOf(status, headers) };
}

const anew: Begin = { ok: false, error: { kind: 'broken', text: 'the file has changed at the server', waitMs: 0 } };

/** A weak ETag stands for what is alike, not for what is the same. */
function validatorOf(headers: Headers): string | null {
  const etag = headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified');
}

function errorOf(status: number, headers: Headers): FetchError {
  if (status === 401 || status === 403) return { kind: 'refused', text: `the server does not let us have it (HTTP ${status})` };
  if (status === 404 || status === 410) return { kind: 'refused', text: `the server has no such file (HTTP ${status})` };
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    const wait = Number.isFinite(seconds) ? { waitMs: Math.min(seconds, mostSeconds) * 1000 } : {};
    return { kind: 'broken', text: `the server answered HTTP ${status}`, ...wait };
  }
  return { kind: 'refused', text: `the server answered HTTP ${status}` };
}

/** Longer than this nobody is kept waiting without a word. */
const mostSeconds = 30;

/** What the hub tells of a large file before it sends us where that lies: its SHA-256, and its size. */
export function linkedFile(headers: Headers): { readonly sha256: string | null; readonly bytes: number | null } {
  const sha256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '')?.[1] ?? null;
  return { sha256, bytes: length(headers.get('x-linked-size')) };
}

/** Where a redirect leads; null where it leads out of safety, or into this machine from elsewhere. */
export function redirected(from: URL, location: string | null): URL | null {
  if (location === null || !URL.canParse(location, from.href)) return null;
  const to = new URL(location, from.href);
  return isSafe(to) && (!isLoopback(to.hostname) || isLoopback(from.hostname)) ? to : null;
}

/** The user's token goes to the hub itself and nowhere else, not even where the hub sends us. */
export function authorizationFor(url: URL, token: string | undefined): string | null {
  if (url.username !== '' || url.password !== '') {
    const [name, word] = [url.username, url.password].map(decodeURIComponent);
    return `Basic ${Buffer.from(`${name}:${word}`).toString('base64')}`;
  }
  const isHub = url.protocol === 'https:' && (url.hostname === 'huggingface.co' || url.hostname.endsWith('.huggingface.co'));
  return isHub && token !== undefined && token !== '' ? `Bearer ${token}` : null;
}

function length(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

const refused = (text: string): Begin => ({ ok: false, error: { kind: 'refused', text } });
