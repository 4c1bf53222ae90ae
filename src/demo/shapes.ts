/** How a request asks, and how the three kinds of answers are written. */

/** /v1/chat/completions, /v1/completions, and llama-server's own /completion. */
export type Shape = 'chat' | 'text' | 'plain';

export type Question = {
  readonly shape: Shape;
  readonly stream: boolean;
  readonly tokens: number;
  readonly promptTokens: number;
  /** The stream's last chunk is to tell how many tokens there were. */
  readonly usage: boolean;
};

/** What makes no sense in a request is passed over: this engine refuses nothing. */
export function readQuestion(shape: Shape, body: unknown, defaultTokens: number): Question {
  const asked = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const tokens = [asked.max_completion_tokens, asked.max_tokens, asked.n_predict].find(
    (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  );
  const options = asked.stream_options as { include_usage?: unknown } | null | undefined;
  return {
    shape,
    stream: asked.stream === true,
    tokens: tokens ?? defaultTokens,
    promptTokens: JSON.stringify(asked.messages ?? asked.prompt ?? '').split(/\s+/).length,
    usage: options?.include_usage === true,
  };
}

/** What an answer is about: which model, when, under which id. */
export type Heading = { readonly id: string; readonly created: number; readonly model: string };

export type Delta = { readonly role?: string; readonly content?: string | null };

/** One event of a stream; `last` is the one that has no words any more. */
export function chunk(shape: Shape, heading: Heading, delta: Delta, last: boolean): object {
  if (shape === 'plain') return { content: delta.content ?? '', stop: last };
  const choice = shape === 'chat' ? { delta } : { text: delta.content ?? '' };
  return named(shape === 'chat' ? 'chat.completion.chunk' : 'text_completion', heading, choice, last);
}

/** The answer of a request that does not stream. */
export function whole(shape: Shape, heading: Heading, content: string): object {
  if (shape === 'plain') return { content, stop: true, model: heading.model };
  const choice = shape === 'chat' ? { message: { role: 'assistant', content } } : { text: content };
  return named(shape === 'chat' ? 'chat.completion' : 'text_completion', heading, choice, true);
}

function named(object: string, { id, created, model }: Heading, choice: object, last: boolean): object {
  const choices = [{ index: 0, ...choice, finish_reason: last ? 'length' : null }];
  return { id, object, created, model, system_fingerprint: 'demo-1', choices };
}

/** Token counts and speed, as they stand in a whole answer or in the last event of a stream. */
export function figures({ shape, promptTokens }: Question, tokens: number, seconds: number): object {
  const usage = { prompt_tokens: promptTokens, completion_tokens: tokens, total_tokens: promptTokens + tokens };
  const timings = {
    prompt_n: promptTokens,
    predicted_n: tokens,
    predicted_ms: seconds * 1000,
    predicted_per_second: seconds === 0 ? 0 : tokens / seconds,
  };
  return shape === 'plain' ? { timings } : { usage, timings };
}
