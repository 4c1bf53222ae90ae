/** The user's seat at the terminal: raw keys in, its size; and that it is given back as it was, whatever ends or stops us. */

import type { EventEmitter } from 'node:events';

export type Terminal = {
  readonly input: NodeJS.ReadStream;
  readonly output: Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'>;
  /** Where signals and the end of this process are heard: the process. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Sends us a signal; without a listener it does what it does to any program. */
  kill(signal: NodeJS.Signals): void;
};

export type Sitting = {
  readonly enter: () => void;
  readonly leave: () => void;
  readonly typed: (text: string) => void;
  readonly resized: () => void;
  /** The terminal has gone away. */
  readonly gone: () => void;
};

const endings = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;

export class Seat {
  private taken = false;
  private readonly undo: (() => void)[] = [];

  constructor(
    private readonly terminal: Terminal,
    private readonly sitting: Sitting,
  ) {}

  take(): void {
    if (this.taken) return;
    this.taken = true;
    const { input, output, kill } = this.terminal;
    const { enter, typed, resized, gone, leave } = this.sitting;
    const raw = (on: boolean): void => {
      if (input.isTTY && !input.destroyed) input.setRawMode(on);
    };
    raw(true);
    input.setEncoding('utf8').on('data', typed).on('end', gone).on('error', gone).resume();
    output.on('resize', resized);
    this.undo.push(() => {
      output.off('resize', resized);
      input.off('data', typed).off('end', gone).pause();
      raw(false);
      leave();
    });
    for (const signal of endings) {
      // Dies of it as any program does, with nothing left behind.
      this.hear(signal, () => {
        this.leave();
        kill(signal);
      });
    }
    this.hear('SIGTSTP', () => this.suspend());
    this.hear('SIGCONT', () => {
      // A shell had the terminal meanwhile, whether we have been asked before or not.
      leave();
      raw(true);
      enter();
      resized();
    });
    // What is thrown nowhere else is printed by Node: onto the screen that it can be read on.
    this.hear('uncaughtExceptionMonitor', () => this.leave());
    this.hear('exit', () => this.leave());
    enter();
  }

  /** Stops us as Ctrl-Z stops any program; SIGCONT takes the seat again. */
  suspend(): void {
    const { input, kill } = this.terminal;
    this.sitting.leave();
    if (input.isTTY) input.setRawMode(false);
    kill('SIGSTOP');
  }

  /** Safe to call twice. */
  leave(): void {
    if (!this.taken) return;
    this.taken = false;
    for (const undo of this.undo.splice(0).reverse()) undo();
  }

  private hear(event: string, listener: () => void): void {
    const { signals } = this.terminal;
    signals.on(event, listener);
    this.undo.push(() => signals.off(event, listener));
  }
}
