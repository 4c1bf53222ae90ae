/** The demo engine's state apart from requests, and what it can do to itself. */

import { spawn } from 'node:child_process';
import type { Log } from './log.js';

export type TermAnswer = 'ignore' | { readonly delayMs: number; readonly code: number };

export type Leak = {
  readonly setsid: boolean;
  readonly ignoreTerm: boolean;
  readonly wipeEnv: boolean;
  readonly closeLog: boolean;
  readonly lifeMs: number;
};

/** What an order puts it into, and `healthy` out of. */
export const conditions = ['hanging', 'unhealthy', 'healthHanging', 'mute', 'dead'] as const;
export type Condition = (typeof conditions)[number];

export type Life = Record<Condition, boolean> & {
  loading: boolean;
  /** Is loading until `ms` have passed; null: as long as at the start. */
  load(ms: number | null): Record<string, never>;
  end(code: number): never;
  endBy(signal: NodeJS.Signals): Record<string, never>;
  /** From now on; before the first call, and before the model is loaded, signals do what they do to any program. */
  onTerm(answer: TermAnswer): Record<string, never>;
  print(text: string, times: number, toStdout: boolean): Record<string, never>;
  /** An error in the form of its own lines. */
  complain(text: string): Record<string, never>;
  /** Nobody can connect any more, until `ms` have passed; null: never again. */
  refuse(ms: number | null): Record<string, never>;
  /** The child's pid. */
  leak(child: Leak): number | undefined;
};

/** The part of Node's `process` that it lives in. */
export type Host = Pick<NodeJS.Process, 'pid' | 'env' | 'stdout' | 'on' | 'kill' | 'removeAllListeners'> & {
  exit(code: number): never;
};

/** What it loads, and how long that takes. */
export type Load = { readonly model: string; readonly loadMs: number };

/** Its port, as far as an order reaches. */
export type Door = { open(): void; shut(): void };

/** `loaded` is called each time that a load has come to its end. */
export function createLife(what: Load, host: Host, log: Log, door: Door, loaded: () => void): Life {
  let term: TermAnswer | null = null;
  let stopping = false;
  let loads = 0;

  const life: Life = {
    loading: true,
    hanging: false,
    unhealthy: false,
    healthHanging: false,
    mute: false,
    dead: false,
    load(ms) {
      const mine = ++loads;
      life.loading = true;
      log.line('I', 'load_model', `loading model '${what.model}'`);
      progress(ms ?? what.loadMs, 0, mine);
      return {};
    },
    end: (code) => host.exit(code),
    endBy(signal) {
      host.removeAllListeners(signal);
      host.kill(host.pid, signal);
      return {};
    },
    onTerm(answer) {
      const unheard = term === null;
      term = answer;
      if (unheard) for (const signal of ['SIGTERM', 'SIGINT'] as const) host.on(signal, () => heed(signal));
      return {};
    },
    print(text, times, toStdout) {
      const batch = Math.max(1, Math.floor(65_536 / text.length));
      for (let left = times; left > 0; left -= batch) {
        const lines = text.repeat(Math.min(batch, left));
        if (toStdout) host.stdout.write(lines);
        else log.raw(lines);
      }
      return {};
    },
    complain(text) {
      log.line('E', 'update_slots', text);
      return {};
    },
    refuse(ms) {
      door.shut();
      // Without a port nothing else would keep it alive.
      if (ms === null) setInterval(() => {}, 60_000);
      else setTimeout(() => door.open(), ms);
      return {};
    },
    leak({ setsid, ignoreTerm, wipeEnv, closeLog, lifeMs }) {
      // An ignored signal stays ignored over exec; a handler would not.
      const script = `${ignoreTerm ? "trap '' TERM INT; " : ''}exec sleep ${Math.ceil(lifeMs / 1000)}`;
      const output = closeLog ? 'ignore' : 'inherit';
      const child = spawn('/bin/sh', ['-c', script], {
        detached: setsid,
        stdio: ['ignore', output, output],
        env: wipeEnv ? { PATH: host.env.PATH } : host.env,
      });
      child.unref();
      return child.pid;
    },
  };
  return life;

  /** Says how far it is at least every 5 s, so that a supervisor can see it work. */
  function progress(totalMs: number, doneMs: number, mine: number): void {
    if (mine !== loads) return;
    if (doneMs >= totalMs) {
      life.loading = false;
      if (term === null) life.onTerm({ delayMs: 0, code: 0 });
      log.line('I', 'llama_server', 'model loaded');
      loaded();
      return;
    }
    const stepMs = Math.min(totalMs - doneMs, Math.max(50, Math.min(5000, totalMs / 4)));
    setTimeout(() => {
      log.line('I', 'load_model', `${Math.round(((doneMs + stepMs) / totalMs) * 100)} % of the tensors are there`);
      progress(totalMs, doneMs + stepMs, mine);
    }, stepMs);
  }

  function heed(signal: string): void {
    if (term === null || term === 'ignore') {
      log.line('W', 'operator()', `ignoring ${signal}, as ordered`);
      return;
    }
    if (stopping) {
      log.raw('Received second interrupt, terminating immediately.\n');
      life.end(1);
    }
    stopping = true;
    log.line('I', 'operator()', 'operator(): cleaning up before exit...');
    const { delayMs, code } = term;
    if (delayMs === 0) life.end(code);
    setTimeout(() => life.end(code), delayMs);
  }
}
