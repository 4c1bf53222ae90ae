/** Who holds most of the machine's memory. */

import { readdir, readFile } from 'node:fs/promises';

/** The process that has most of it resident; null where none can be seen. Reads each process once, one after another: only for bad news. */
export async function biggestProcess(): Promise<{
  readonly pid: number;
  readonly program: string;
  readonly bytes: number;
} | null> {
  let biggest: { readonly pid: number; readonly program: string; readonly bytes: number } | null = null;
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const bytes = Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    if (bytes > (biggest?.bytes ?? 0)) biggest = { pid: Number(name), program: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '', bytes };
  }
  return biggest;
}
