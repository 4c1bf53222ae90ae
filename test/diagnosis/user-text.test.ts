/** What users send to a model may say anything, and engines print it: no phrase of any rule may be believed there. */

import { describe, expect, it } from 'vitest';
import { anyForm, ownLines } from '../../src/diagnosis/form.js';
import { alarmOf } from '../../src/diagnosis/living.js';
import { logReader } from '../../src/diagnosis/log-reader.js';
import { bareLine } from '../../src/diagnosis/prefix.js';
import { rules } from '../../src/diagnosis/rules.js';
import { adapters } from '../../src/engines/index.js';
import { alone } from './circumstances.js';

type Dump = (text: string) => readonly string[];

/** How each engine prints a request, with its debug output on: on a line, escaped; and of several lines, raw. */
const dumps = {
  llamacpp: [
    (text) => [`0.01.100.000 D srv  log_server_r: request:  {"prompt":${JSON.stringify(text)},"n_predict":8}`],
    (text) => [`0.01.100.000 D srv  log_server_r: request:  ${JSON.stringify({ messages: [{ role: 'user', content: text }] })}`],
    (text) => ['0.01.100.000 D slot launch_slot_: id 0 | task 1 | prompt: why do I see this?', text, '', text],
    (text) => [`VERB [            update_slots] prompt ingested | tid="1" prompt="${text.replaceAll('"', '\\"')}"`],
  ],
  vllm: [
    (text) => [
      `INFO 03-01 09:00:00 [logger.py:43] Received request cmpl-1: prompt: ${JSON.stringify(text)}, params: SamplingParams(n=1)`,
    ],
    (text) => [
      '(APIServer pid=1) INFO 03-01 09:00:00 [logger.py:43] Received request chatcmpl-1: prompt: hello',
      text,
      `  ${text}`,
    ],
  ],
  sglang: [
    (text) => [`[2026-03-01 09:00:00] Receive: obj=GenerateReqInput(rid='1', text=${JSON.stringify(text)}, input_ids=None)`],
    (text) => [`[2026-03-01 09:00:00 TP0] Finish: obj=GenerateReqInput(rid='1'), out={'text': ${JSON.stringify(text)}}`],
    (text) => ['[2026-03-01 09:00:00] Receive: obj=GenerateReqInput(text=hello', text],
  ],
  demo: [(text) => [`1.02.300.000 D srv  log_server_r: request:  {"prompt":${JSON.stringify(text)}}`]],
} satisfies Record<string, readonly Dump[]>;

/** Without the prefixes of a message: a raw text of several lines that imitates those, too, is beyond us. */
const examples = rules().map(({ example }) => bareLine(example).body);
const cases = Object.entries(dumps).flatMap(([engine, each]) =>
  each.map((dump: Dump, way) => [`${engine}, way ${way + 1}`, adapters[engine as keyof typeof dumps], dump] as const),
);

describe.each(cases)('a request logged by %s', (_, { ownLine }, dump) => {
  it.each([
    ['the form of the engine', ownLine],
    ['no form', anyForm],
  ])('is no evidence, knowing %s', (__, form) => {
    const fatal = examples.filter((example) => {
      const reader = logReader(form);
      for (const line of dump(example)) reader.read(line);
      const { fatal, evidence } = reader.diagnose(alone);
      return fatal || evidence !== null;
    });
    expect(fatal).toEqual([]);
  });

  it('is no alarm', () => {
    const raised = examples.filter((example) => {
      const own = ownLines(ownLine);
      return dump(example).some((line) => own(line) && alarmOf(line) !== null);
    });
    expect(raised).toEqual([]);
  });
});

it('the engine is believed again from its next message on', () => {
  const reader = logReader(adapters.vllm.ownLine);
  for (const line of [
    'INFO 03-01 09:00:00 [logger.py:43] Received request cmpl-1: prompt: hello',
    'CUDA out of memory',
    'ERROR 03-01 09:00:01 [core.py:7] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB',
  ]) {
    reader.read(line);
  }
  expect(reader.diagnose(alone)).toMatchObject({ class: 'vram_oom', evidence: { line: 3 } });
});

const messages = {
  llamacpp: ['0.01.100.000 E ', ''],
  demo: ['0.01.100.000 E '],
  vllm: ['ERROR 03-01 09:00:00 [core.py:7] ', '(EngineCore_0 pid=7) ERROR 03-01 09:00:00 [core.py:7] '],
  sglang: ['[2026-03-01 09:00:00 TP0] '],
} as const;

describe.each(Object.entries(messages))('%s', (engine, prefixes) => {
  const { ownLine } = adapters[engine as keyof typeof messages];

  it.each(prefixes)('is believed behind "%s"', (prefix) => {
    const line = `${prefix}CUDA error: an illegal memory access was encountered`;
    expect(ownLine(line)).toBe(true);
    expect(alarmOf(line)).toMatchObject({ kind: 'sticky', class: 'gpu_error', subclass: 'illegal_memory_access', text: line });
    const reader = logReader(ownLine);
    reader.read(line);
    expect(reader.diagnose(alone)).toMatchObject({ class: 'gpu_error', subclass: 'illegal_memory_access', fatal: true });
  });

  it('is not believed in a form that is not its own', () => {
    expect(ownLine('please explain: CUDA error: an illegal memory access was encountered')).toBe(false);
  });
});

it('nothing is believed of a program that nobody knows, while it lives', () => {
  expect(adapters.command.ownLine('CUDA error: device lost')).toBe(false);
});
