/** The models of the virtual world: their names say what becomes of who loads them. */

import type { Obstacle, Verified } from '../../src/core/facts.js';
import type { ModelChoice, PoolSpec } from '../../src/core/model.js';
import { endings } from './exits.js';
import type { Fate } from './fate.js';
import type { Random } from './random.js';

export const modelKinds = [
  'fine',
  /** Looked at before anything is touched, and found wanting. */
  'gone',
  'huge',
  /** Found out by its engine, or right before that. */
  'dies loading',
  'loads for ever',
  'loads slowly',
  'dies soon',
  'sickens',
  'unreadable',
  'hungry',
] as const;
export type ModelKind = (typeof modelKinds)[number];

export function modelOf(poolId: string, kind: ModelKind, n: number): ModelChoice {
  return { model: `/models/${poolId}/${kind}/${n}`, modelDigest: null, modelId: String(n) };
}

function kindOf({ model }: Pick<PoolSpec, 'model'>): ModelKind {
  return modelKinds.find((kind) => model?.includes(`/${kind}/`) === true) ?? 'fine';
}

/** What is found of it before anything is disturbed. */
export function looked(spec: PoolSpec, random: Random): Verified {
  const kind = kindOf(spec);
  return {
    obstacles: kind === 'gone' ? [{ what: 'model', text: `${spec.model} is not there` }] : [],
    name: random.chance(0.5) ? `named ${spec.model}` : null,
    about: null,
    modelBytes: kind === 'huge' ? 2 ** 40 : null,
    hostTotalBytes: 2 ** 34,
  };
}

/** What is in the way of a launch because of it. */
export function obstacleOf(spec: PoolSpec): Obstacle | null {
  const kind = kindOf(spec);
  if (kind === 'unreadable') return { what: 'model', text: `${spec.model} cannot be read` };
  return kind === 'hungry' ? { what: 'memory', text: 'too little memory for it' } : null;
}

/** The fate of an engine that loads it, where another would have that one. */
export function fateWith(fate: Fate, spec: PoolSpec, random: Random): Fate {
  const loadMs = Number.isFinite(fate.loadMs) ? fate.loadMs : 20_000;
  switch (kindOf(spec)) {
    case 'dies loading':
      return { ...fate, end: { afterMs: loadMs * random.next(), how: endings['exit 1 without a word'] } };
    case 'loads for ever':
      return { ...fate, loadMs: Number.POSITIVE_INFINITY, end: null };
    case 'loads slowly':
      return { ...fate, loadMs: loadMs + random.between(60_000, 300_000), progresses: true };
    case 'dies soon':
      return { ...fate, loadMs, end: { afterMs: loadMs + random.exponential(20_000), how: endings.segfault } };
    case 'sickens': {
      const afterMs = loadMs + random.exponential(60_000);
      return { ...fate, loadMs, spells: [{ afterMs, forMs: 900_000, kind: random.pick(['silent', 'failing'] as const) }] };
    }
    default:
      return fate;
  }
}
