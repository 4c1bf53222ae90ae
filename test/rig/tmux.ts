/** A command as its user sees it: in a terminal of any size that tmux keeps, on a server of its own. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { program, type Rig } from './poolctl.js';

const run = promisify(execFile);

/** A hang is told after a while; a slow machine is no failure. */
const patienceMs = 20_000;

export type Size = { readonly columns: number; readonly rows: number };

export class Tmux {
  private readonly socket: string;

  private constructor(private readonly rig: Rig) {
    this.socket = join(rig.dir, 'tmux');
  }

  /** With a shell in it, in the rig's directory. `env` is set for all that runs there. */
  static async open(rig: Rig, { columns, rows }: Size, env: Readonly<Record<string, string>> = {}): Promise<Tmux> {
    const tmux = new Tmux(rig);
    await tmux.ask(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      'view',
      '-x',
      `${columns}`,
      '-y',
      `${rows}`,
      '-c',
      rig.dir,
      'bash --norc --noprofile',
      {
        ...rig.env,
        PS1: '$ ',
        LANG: 'C.UTF-8',
        TERM: 'screen',
        ...env,
      },
    );
    await tmux.ask('set-option', '-g', 'status', 'off');
    return tmux;
  }

  /** Types `poolctl ARGS`. */
  async start(...args: readonly string[]): Promise<void> {
    await this.type(`${[process.execPath, program, ...args].map((word) => `'${word}'`).join(' ')}; echo "left with $?"`, 'Enter');
  }

  /** As tmux names keys: `Enter`, `Escape`, `C-c`; anything else as it stands. */
  async type(...keys: readonly string[]): Promise<void> {
    await this.ask('send-keys', '-t', 'view', ...keys);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    await this.ask('resize-window', '-t', 'view', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** Somebody looks on from a terminal of that size, which the view gets as well, until what is returned is called. */
  async attach({ columns, rows }: Size): Promise<() => Promise<void>> {
    const client = spawn(
      'script',
      ['-qec', `stty columns ${columns} rows ${rows}; tmux -S '${this.socket}' attach`, '/dev/null'],
      {
        env: { ...this.rig.env, TERM: 'xterm', SHELL: '/bin/sh' },
        stdio: ['pipe', 'ignore', 'inherit'],
      },
    );
    const left = once(client, 'close');
    return async () => {
      await this.ask('detach-client', '-s', 'view');
      await left;
    };
  }

  /** The lines of the screen, without what is blank at their ends. */
  async screen(): Promise<readonly string[]> {
    const { stdout } = await this.ask('capture-pane', '-p', '-t', 'view');
    return stdout
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line.trimEnd());
  }

  /** With its escape sequences. */
  async painted(): Promise<string> {
    return (await this.ask('capture-pane', '-e', '-p', '-t', 'view')).stdout;
  }

  /** The screen once it matches; where it never does, a failure that shows it. */
  async shows(what: RegExp): Promise<readonly string[]> {
    for (const begun = performance.now(); ; ) {
      const lines = await this.screen();
      if (what.test(lines.join('\n'))) return lines;
      if (performance.now() - begun > patienceMs) throw new Error(`the terminal never showed ${what}:\n${lines.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** All that is written to the terminal from now on goes to a file of the rig's directory, too. */
  async record(name: string): Promise<string> {
    const path = join(this.rig.dir, name);
    await this.ask('pipe-pane', '-t', 'view', `cat >> '${path}'`);
    return path;
  }

  async close(): Promise<void> {
    await this.ask('kill-server').catch(() => undefined);
  }

  async ask(...words: readonly (string | NodeJS.ProcessEnv)[]): Promise<{ readonly stdout: string }> {
    const env = words.find((word): word is NodeJS.ProcessEnv => typeof word !== 'string') ?? this.rig.env;
    const args = words.filter((word) => typeof word === 'string');
    return run('tmux', ['-S', this.socket, ...args], { env });
  }
}
