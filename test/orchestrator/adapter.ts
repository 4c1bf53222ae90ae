/**
 * What an adapter does with handoff files: it watches their directory, sends requests to whom it finds there, and to nobody whose file is
 * gone. It writes down all that the contract promises of them, as it was at the moment of each change.
 */

import { existsSync, type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { askUrl, type Json } from './poolctl.js';

export type Sighting =
  | {
      readonly kind: 'came';
      readonly file: string;
      readonly handoff: Json;
      /** What its url answered to `GET /health`, right then; null: nobody did. */
      readonly answered: Promise<number | null>;
    }
  | {
      readonly kind: 'went';
      readonly file: string;
      readonly handoff: Json /** Whether its engine's process lived. */;
      readonly lived: boolean;
    }
  /** A file of that name that could not be read as a whole. */
  | { readonly kind: 'torn'; readonly file: string; readonly text: string };

export class Adapter {
  readonly sightings: Sighting[] = [];
  private readonly known = new Map<string, { readonly text: string; readonly handoff: Json }>();
  private watcher: FSWatcher;

  constructor(private readonly dir: string) {
    this.watcher = this.begin();
  }

  /** Whom requests may be sent to: their urls, by file. */
  get serving(): ReadonlyMap<string, string> {
    return new Map([...this.known].map(([file, { handoff }]) => [file, handoff.url]));
  }

  end(): void {
    this.watcher.close();
  }

  /** The directory comes with the first file: until then its place is watched. */
  private begin(): FSWatcher {
    if (existsSync(this.dir)) {
      const watcher = watch(this.dir, () => this.look());
      this.look();
      return watcher;
    }
    const watcher = watch(dirname(this.dir), (_, name) => {
      if (name !== basename(this.dir) || !existsSync(this.dir)) return;
      watcher.close();
      this.watcher = this.begin();
    });
    return watcher;
  }

  private look(): void {
    const files = new Set(readdirSync(this.dir).filter((name) => /^[a-z0-9-]+\.r\d+\.json$/.test(name)));
    for (const [file, { handoff }] of this.known) {
      if (files.has(file)) continue;
      this.known.delete(file);
      this.sightings.push({ kind: 'went', file, handoff, lived: isAlive(handoff.pid) });
    }
    for (const file of files) {
      const text = read(join(this.dir, file));
      if (text === null || this.known.get(file)?.text === text) continue;
      const handoff = parsed(text);
      if (handoff === null) {
        this.sightings.push({ kind: 'torn', file, text });
        continue;
      }
      this.known.set(file, { text, handoff });
      const answered = askUrl(handoff.url, 'GET', '/health').then(
        ({ status }) => status,
        () => null,
      );
      this.sightings.push({ kind: 'came', file, handoff, answered });
    }
  }
}

/** Null: it went between two looks. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parsed(text: string): Json | null {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== null && !/^\d+ \(.*\) [ZX] /s.test(stat);
}
