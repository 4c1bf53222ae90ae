/** What the kernel says of a process. */

import { readFileSync } from 'node:fs';

/** False for zombies: they run no more. */
export function isAlive(pid: number): boolean {
  const stat = read(pid, 'stat');
  return stat !== null && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

export function groupOf(pid: number): number | null {
  const fields = read(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields === undefined ? null : Number(fields[2]);
}

export function commandLine(pid: number): readonly string[] {
  return (read(pid, 'cmdline') ?? '').split('\0').slice(0, -1);
}

export function environment(pid: number): Readonly<Record<string, string>> {
  const entries = (read(pid, 'environ') ?? '').split('\0').filter((entry) => entry.includes('='));
  return Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
}

function read(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
