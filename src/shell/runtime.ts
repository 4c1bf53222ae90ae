/** The inbox and the loop: input -> step -> effects, events, answer. The only holder of the state, and the only caller of step(). */

import type { Answer, AnswerTo } from '../core/answers.js';
import { nextAt } from '../core/due.js';
import type { Event } from '../core/events.js';
import type { Effect, Input } from '../core/messages.js';
import type { Restored } from '../core/restore.js';
import type { State } from '../core/state.js';
import { step } from '../core/step.js';
import { type Chance, type Clock, contextOf } from './clock.js';

export type Runtime = {
  state(): State;
  /** To be called once, when its listeners are there: what was restored is told and done, and the first step made. */
  begin(): void;
  /** Takes an input; its answer, where it is a request. Inputs that arrive during a step wait for its end. */
  give<I extends Input>(input: I): AnswerTo<I> | null;
  /** The end: what is still answered (a probe of an engine that is left to the next supervisor) changes nothing any more, and no alarm rings. */
  close(): void;
  /** Told of each event after the effects of its step have begun, so that a handoff file is there before `ready` is told. */
  onEvent(listener: (event: Event) => void): () => void;
  /** Told of each input after its step, with the state that it led to. */
  onInput(listener: (input: Input, state: State) => void): () => void;
};

export type Perform = (effects: readonly Effect[], give: (input: Input) => void) => void;

/** `chance`: the machine's own where it is left out. */
export function makeRuntime(restored: Restored, clock: Clock, perform: Perform, chance?: Chance): Runtime {
  let { state } = restored;
  let stepping = false;
  let closed = false;
  const inbox: Input[] = [];
  const listeners = new Set<(event: Event) => void>();
  const inputListeners = new Set<(input: Input, after: State) => void>();

  function give<I extends Input>(input: I): AnswerTo<I> | null {
    if (closed) return null;
    if (stepping) {
      inbox.push(input);
      return null;
    }
    const answer = take(input);
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) take(next);
    clock.alarm(nextAt(state), () => give({ type: 'woke' }));
    // Which answer an input gets, only the types can tell; step() gives it.
    return answer as AnswerTo<I> | null;
  }

  function take(input: Input): Answer | null {
    stepping = true;
    try {
      const result = step(state, input, contextOf(clock, chance));
      state = result.state;
      carryOut(result);
      for (const listener of inputListeners) listener(input, state);
      return result.answer;
    } finally {
      stepping = false;
    }
  }

  function carryOut({ effects, events }: Pick<Restored, 'effects' | 'events'>): void {
    perform(effects, give);
    for (const event of events) for (const listener of listeners) listener(event);
  }

  return {
    state: () => state,
    begin() {
      carryOut(restored);
      give({ type: 'woke' });
    },
    give,
    close() {
      closed = true;
      clock.alarm(null, () => {});
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onInput(listener) {
      inputListeners.add(listener);
      return () => inputListeners.delete(listener);
    },
  };
}
