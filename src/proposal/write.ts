/** The first pools.yaml: small, commented, and right for the machine that was looked at. */

import { type Candidate, size, tokens } from './candidates.js';
import type { Found, FoundEngine } from './found.js';

export type Choice = {
  /** Null: the demo engine stands in. */
  readonly chosen: Candidate | null;
  /** What would fit besides, the best first. */
  readonly others: readonly Candidate[];
};

/** Whether there is an engine for the models that are looked for. */
export function canServe({ engines }: Found): boolean {
  return engines.some(({ kind, path, flaw }) => kind === 'llamacpp' && path !== null && flaw === null);
}

/** `version` is poolctl's. */
export function writeInventory({ chosen, others }: Choice, found: Found, version: string): string {
  const lines = [
    `# What poolctl runs on this machine. Written by "poolctl init" of poolctl ${version}; it is yours to change.`,
    '# All that can stand here: poolctl help pools.yaml. After a change: poolctl check, then poolctl apply.',
    'version: 1',
    ...(found.ports.range === null
      ? []
      : ['supervisor:', `  ports: ${found.ports.range} # for port: auto; enough of them are free`]),
    'pools:',
    ...(chosen === null ? demoPool(found, others) : chatPool(chosen, others)),
  ];
  return `${lines.join('\n')}\n`;
}

function chatPool(
  { model, context, trainedFor, needBytes, placement }: Candidate,
  others: readonly Candidate[],
): readonly string[] {
  const alternatives = others
    .slice(0, mostOthers)
    .map((other) => `    # model: ${scalar(other.model.ref)} # ${size(other.model.bytes)}`);
  // What is behind a # or a ? could be another part of a URL, so such a name tells nothing of the engine.
  const named = /[?#]/.test(model.ref);
  const vram = `    # vram: ${Math.ceil(needBytes / 2 ** 30)}GiB # an estimate; with this key a launch waits until so much is free, and says who holds it`;
  return [
    '  chat:',
    `    model: ${scalar(model.ref)} # ${size(model.bytes)}${named ? '' : '; engine: llamacpp, guessed from .gguf'}`,
    ...(named ? ['    engine: llamacpp'] : []),
    ...(alternatives.length === 0 ? [] : ['    # These would fit as well, one at a time:', ...alternatives]),
    `    device_masks: ${masksText(placement)} # ${meaning(placement)}`,
    `    args: [--ctx-size, "${context}"] # tokens of context, for all slots of a replica; it was trained for ${tokens(trainedFor)}`,
    ...(placement.kind === 'cpu' ? [] : [vram]),
  ];
}

function masksText({ masks }: Candidate['placement']): string {
  return `[${masks.map((mask) => (typeof mask === 'string' ? scalar(mask) : `[${mask.map(scalar).join(', ')}]`)).join(', ')}]`;
}

const mostOthers = 5;

function meaning({ kind, masks }: Candidate['placement']): string {
  if (kind === 'cpu') return 'one replica, on the CPU; a second one: [cpu, cpu]';
  const [first] = masks;
  if (kind === 'together')
    return `one replica over ${Array.isArray(first) ? first.length : 1} GPUs: none of them has room for it alone`;
  return masks.length === 1
    ? 'one replica, on this GPU (poolctl devices)'
    : `${masks.length} replicas, one on each GPU (poolctl devices)`;
}

/** What the demo engine stands in for is shown beside it, as a comment that can be used. */
function demoPool({ engines, devices, hubRepos }: Found, [best]: readonly Candidate[]): readonly string[] {
  const mask = devices.length > 0 ? `[${scalar(devices[0]?.index ?? 'cpu')}]` : '[cpu]';
  const ofHub = engines.find(isThere('vllm')) ?? engines.find(isThere('sglang')) ?? null;
  return [
    '  demo: # stands in for an engine: it speaks the API of llama-server, and answers without a model',
    '    engine: demo',
    '    device_masks: [cpu, cpu] # two replicas: demo/r0 and demo/r1',
    `  # With llama-server on PATH${best === undefined ? ' and a model' : ''}:`,
    ...(best === undefined
      ? [
          '  # chat:',
          '  #   model: ~/models/qwen3-8b-q4_k_m.gguf # engine: llamacpp, guessed from .gguf',
          `  #   device_masks: ${mask}`,
        ]
      : chatPool(best, []).map((line) => line.replace(/^ {2}/, '  # '))),
    ...(ofHub === null ? [] : hubPool(ofHub, mask, hubRepos)),
  ];
}

function isThere(kind: FoundEngine['kind']): (engine: FoundEngine) => boolean {
  return (engine) => engine.kind === kind && engine.path !== null;
}

/**
 * Only as a comment: what such a model needs depends on much that is not looked at. SGLang is started as a module of the Python that it is installed
 * in, so its own program's name says nothing.
 */
function hubPool(
  { kind, path }: FoundEngine,
  mask: string,
  [repo = 'Qwen/Qwen3-8B-AWQ', ...others]: readonly string[],
): readonly string[] {
  const more = others.slice(0, mostOthers).map((other) => `  #   # model: ${scalar(other)}`);
  return [
    `  # With ${kind} and a model of the Hugging Face hub that is in its cache:`,
    '  # big:',
    `  #   engine: ${kind}`,
    `  #   model: ${scalar(repo)}`,
    ...more,
    `  #   device_masks: ${mask}`,
    kind === 'vllm'
      ? `  #   binary: ${scalar(path ?? 'vllm')}`
      : '  #   binary: python3 # of the environment that sglang is installed in',
  ];
}

/** As YAML has it: bare where nothing in it means anything, quoted otherwise. */
function scalar(text: string): string {
  const bare = /^\d+$/.test(text) || (/^[A-Za-z/~][\w./~+-]*(?::[\w./~+-]+)?$/.test(text) && !isWord(text));
  if (bare) return text;
  // What YAML does not print, and what would do something to a terminal.
  return JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => char.split('').map(escaped).join(''));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function isWord(text: string): boolean {
  return /^(?:true|false|null|yes|no|on|off|~)$/i.test(text);
}
