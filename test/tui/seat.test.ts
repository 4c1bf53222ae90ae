/** That the terminal is given back as it was, however the view ends or stops. */

import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { Seat, type Terminal } from '../../src/tui/seat.js';

class Input extends EventEmitter {
  readonly isTTY = true;
  readonly destroyed = false;
  constructor(private readonly done: string[]) {
    super();
  }
  setRawMode(on: boolean): this {
    this.done.push(on ? 'raw' : 'cooked');
    return this;
  }
  setEncoding(): this {
    return this;
  }
  resume(): this {
    return this;
  }
  pause(): this {
    return this;
  }
}

function seated() {
  const done: string[] = [];
  const input = new Input(done);
  const output = Object.assign(new EventEmitter(), { write: () => true, columns: 80, rows: 24 });
  const signals = new EventEmitter();
  const terminal = { input, output, signals, kill: (signal: string) => done.push(`kill ${signal}`) } as unknown as Terminal;
  const seat = new Seat(terminal, {
    enter: () => done.push('enter'),
    leave: () => done.push('leave'),
    typed: (text) => done.push(`typed ${text}`),
    resized: () => done.push('resized'),
    gone: () => done.push('gone'),
  });
  seat.take();
  return { seat, done, input, output, signals };
}

it('is taken with raw keys, and left with cooked ones; nothing is heard after that', () => {
  const { seat, done, input, output, signals } = seated();
  input.emit('data', 'j');
  output.emit('resize');
  seat.leave();
  seat.leave();
  input.emit('data', 'k');
  output.emit('resize');
  expect(done).toEqual(['raw', 'enter', 'typed j', 'resized', 'cooked', 'leave']);
  expect(signals.eventNames()).toEqual([]);
});

it.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'])('%s: the terminal first, then the death that it means', (signal) => {
  const { done, signals } = seated();
  signals.emit(signal);
  expect(done).toEqual(['raw', 'enter', 'cooked', 'leave', `kill ${signal}`]);
});

it.each(['uncaughtExceptionMonitor', 'exit'])('%s: what Node prints then is seen', (event) => {
  const { done, signals } = seated();
  signals.emit(event);
  expect(done).toEqual(['raw', 'enter', 'cooked', 'leave']);
});

it('a terminal that goes away ends it', () => {
  const { done, input } = seated();
  input.emit('end');
  expect(done.at(-1)).toBe('gone');
});

it('is given to the shell while it is stopped, and taken again after that', () => {
  const { done, signals } = seated();
  signals.emit('SIGTSTP');
  expect(done).toEqual(['raw', 'enter', 'leave', 'cooked', 'kill SIGSTOP']);
  signals.emit('SIGCONT');
  expect(done.slice(5)).toEqual(['leave', 'raw', 'enter', 'resized']);
});
