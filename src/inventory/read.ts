/** Finds and reads pools.yaml. */

import { open } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Result } from '../core/model.js';
import { type InventoryFile, maxFileBytes } from './load.js';
import { emptyFile, type Problem, problemAt, problemOfFile } from './problem.js';
import { sourceOf } from './source.js';

export type Search = {
  /** `--file`, or the argument of `check`. */
  readonly named: string | undefined;
  /** What it is called in what is told of it. @default as it was named */
  readonly shown?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  readonly home: string;
};

/**
 * `--file`, `$POOLCTL_FILE`, `./pools.yaml`, `$XDG_CONFIG_HOME/poolctl/pools.yaml`: the first that is named, or else the first that is there.
 * Never rejects.
 */
export async function readInventory({ named, shown, env, cwd, home }: Search): Promise<Result<InventoryFile, Problem>> {
  const said = named ?? (env.POOLCTL_FILE === '' ? undefined : env.POOLCTL_FILE);
  if (said !== undefined)
    return (
      (await read(resolve(cwd, said), shown ?? said)) ??
      absent(shown ?? said, 'cannot read the inventory: there is no such file', null)
    );
  const config = configFile(env.XDG_CONFIG_HOME, home);
  const found = (await read(join(cwd, 'pools.yaml'), 'pools.yaml')) ?? (await read(config, nearest(config, cwd)));
  return (
    found ??
    absent(
      'pools.yaml',
      `cannot find an inventory: neither ./pools.yaml nor ${config} is there`,
      'poolctl init writes one; or name one with --file',
    )
  );
}

function configFile(xdg: string | undefined, home: string): string {
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, '.config'), 'poolctl', 'pools.yaml');
}

function nearest(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function absent(shown: string, message: string, hint: string | null): Result<never, Problem> {
  return { ok: false, error: problemOfFile(shown, message, hint) };
}

/** Null where there is no such file. */
async function read(path: string, shown: string): Promise<Result<InventoryFile, Problem> | null> {
  const bytes = await readUpTo(path, maxFileBytes + 1).catch((error: NodeJS.ErrnoException) => error);
  if (bytes instanceof Error) {
    return bytes.code === 'ENOENT' ? null : absent(shown, `cannot read the inventory: ${reason(bytes)}`, null);
  }
  if (bytes.length > maxFileBytes) return absent(shown, 'cannot read the inventory: it has more than 1 MiB', null);
  if (bytes.length === 0) return { ok: false, error: emptyFile(shown) };
  const text = asText(bytes);
  return text === null ? { ok: false, error: notUtf8(shown, bytes) } : { ok: true, value: { path, shown, text } };
}

/** Stops at the limit, so that /dev/zero ends as well. */
async function readUpTo(path: string, limit: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(limit);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, limit - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === limit) return buffer.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}

/** Without a byte order mark; null where it is not UTF-8. */
function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The line is not shown: it cannot be, and nothing in it is known to be no secret. */
function notUtf8(shown: string, bytes: Buffer): Problem {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isValidSoFar(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, good), { stream: true });
  const end = { start: text.length, end: text.length + 1 };
  return {
    ...problemAt(sourceOf(shown, text), end, { code: 'YAML_SYNTAX', message: 'what follows is not UTF-8' }),
    excerpt: null,
  };
}

/** A character may be cut at the end. */
function isValidSoFar(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  const known: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of its path is no directory',
    ELOOP: 'its links go round in a circle',
  };
  return known[code ?? ''] ?? message;
}
