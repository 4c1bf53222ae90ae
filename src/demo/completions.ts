/** Answers of counted words, as many at once as there are slots; the others wait their turn. */

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Flags } from './flags.js';
import type { Life } from './life.js';
import type { Log } from './log.js';
import { chunk, figures, type Heading, type Question, whole } from './shapes.js';

export type Completions = {
  /** Settles when the answer has gone out, or its client has gone away. */
  answer(response: ServerResponse, question: Question): Promise<void>;
  slots(): readonly object[];
  /** Prometheus text. Like llama-server's, the token counters move only when a request ends. */
  metrics(): string;
};

type Task = { readonly id: number; readonly question: Question; decoded: number };

export function createCompletions(flags: Flags, life: Life, log: Log): Completions {
  const busy: (Task | null)[] = Array.from({ length: flags.slots }, () => null);
  const waiting: (() => void)[] = [];
  const totals = { tasks: 0, promptTokens: 0, promptSeconds: 0, tokens: 0, seconds: 0, decodes: 0 };

  return {
    async answer(response, question) {
      const slot = await freeSlot();
      const task: Task = { id: totals.tasks++, question, decoded: 0 };
      busy[slot] = task;
      try {
        await serve(response, task, slot);
      } finally {
        busy[slot] = null;
        waiting.shift()?.();
      }
    },
    slots: () => busy.map((task, id) => ({ id, n_ctx: flags.context, speculative: false, ...progressOf(task) })),
    metrics() {
      const { promptTokens, promptSeconds, tokens, seconds, decodes } = totals;
      const processing = busy.filter((task) => task !== null).length;
      return [
        sample('counter', 'prompt_tokens_total', promptTokens),
        sample('counter', 'prompt_seconds_total', promptSeconds),
        sample('counter', 'tokens_predicted_total', tokens),
        sample('counter', 'tokens_predicted_seconds_total', seconds),
        sample('counter', 'n_decode_total', decodes),
        sample('gauge', 'prompt_tokens_seconds', promptSeconds === 0 ? 0 : promptTokens / promptSeconds),
        sample('gauge', 'predicted_tokens_seconds', seconds === 0 ? 0 : tokens / seconds),
        sample('gauge', 'requests_processing', processing),
        sample('gauge', 'requests_deferred', waiting.length),
        sample('gauge', 'n_busy_slots_per_decode', processing),
      ].join('');
    },
  };

  /** A slot that becomes free goes to the request that waits longest. */
  async function freeSlot(): Promise<number> {
    for (;;) {
      const slot = busy.indexOf(null);
      if (slot !== -1) return slot;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  async function serve(response: ServerResponse, task: Task, slot: number): Promise<void> {
    const { question } = task;
    const heading = { id: randomUUID(), created: Math.floor(Date.now() / 1000), model: flags.alias };
    const startedAt = performance.now();
    const words = await generate(response, task, heading);
    const seconds = (performance.now() - startedAt) / 1000;
    if (words === null) {
      log.line('W', 'stop', `cancel task, id_task = ${task.id}`);
      return;
    }
    totals.promptTokens += question.promptTokens;
    totals.promptSeconds += flags.tokenMs / 1000;
    totals.tokens += words.length;
    totals.seconds += seconds;
    finish(response, question, heading, words, seconds);
    const timing = `eval time = ${Math.round(seconds * 1000)} ms / ${words.length} tokens`;
    log.line('I', 'print_timing', `id ${slot} | task ${task.id} | ${timing}`);
  }

  /** The words, already sent where it streams; null when the client has gone. */
  async function generate(response: ServerResponse, task: Task, heading: Heading): Promise<readonly string[] | null> {
    const words: string[] = [];
    const { shape, stream, tokens } = task.question;
    if (stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      if (shape === 'chat') send(response, chunk(shape, heading, { role: 'assistant', content: null }, false));
    }
    while (words.length < tokens) {
      await delay(flags.tokenMs);
      if (response.destroyed) return null;
      if (life.hanging || life.mute) continue;
      const word = `word${words.length + 1} `;
      words.push(word);
      task.decoded += 1;
      totals.decodes += 1;
      if (stream) send(response, chunk(shape, heading, { content: word }, false));
    }
    return words;
  }
}

function finish(response: ServerResponse, question: Question, heading: Heading, words: readonly string[], seconds: number): void {
  const { shape, stream } = question;
  const told = figures(question, words.length, seconds);
  if (!stream) {
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify({ ...whole(shape, heading, words.join('')), ...told }));
    return;
  }
  send(response, { ...chunk(shape, heading, {}, true), ...(question.usage || shape === 'plain' ? told : {}) });
  // llama-server's own stream has no such end.
  if (shape !== 'plain') response.write('data: [DONE]\n\n');
  response.end();
}

function send(response: ServerResponse, data: object): void {
  response.write(`data: ${JSON.stringify(data)}\n\n`);
}

function progressOf(task: Task | null): object {
  if (task === null) return { is_processing: false };
  const left = task.question.tokens - task.decoded;
  return {
    is_processing: true,
    id_task: task.id,
    next_token: [{ has_next_token: left > 0, n_remain: left, n_decoded: task.decoded }],
  };
}

function sample(type: 'counter' | 'gauge', name: string, value: number): string {
  return `# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`;
}
