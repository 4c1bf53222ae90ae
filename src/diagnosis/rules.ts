/** All rules in their order. Of those that fit one line the first counts: so what is narrow goes before what is wide. */

import type { Rule } from './rule.js';
import { crashRules, deathRules } from './rules/crash.js';
import { driverRules } from './rules/driver.js';
import { gpuRules } from './rules/gpu.js';
import { gpuPartRules } from './rules/gpu-parts.js';
import { hangRules } from './rules/hang.js';
import { hostRules, killedRules } from './rules/host.js';
import { installationRules, refusalRules } from './rules/installation.js';
import { modelRules } from './rules/model.js';
import { otherPythonRules, pythonRules } from './rules/python.js';
import { settingRules } from './rules/settings.js';
import { vramRules } from './rules/vram.js';
import { wrapperRules } from './wrappers.js';
import { xidRules } from './xid.js';

const inOrder: readonly Rule[] = [
  ...xidRules,
  ...driverRules.filter(causal),
  ...hostRules.filter(causal),
  ...vramRules.filter(causal),
  ...gpuRules,
  ...gpuPartRules.filter(causal),
  ...settingRules.filter(causal),
  ...modelRules.filter(causal),
  ...installationRules,
  ...hangRules.filter(causal),
  ...crashRules.filter(causal),
  ...refusalRules,
  ...[...driverRules, ...hangRules].filter(({ weight }) => weight === 'notice'),
  ...[...hostRules, ...vramRules, ...gpuPartRules, ...settingRules, ...modelRules, ...hangRules, ...crashRules].filter(isSymptom),
  ...killedRules,
  ...deathRules,
  ...wrapperRules,
  ...pythonRules,
  ...otherPythonRules,
];

export const rules = (): readonly Rule[] => inOrder;

function causal({ weight }: Rule): boolean {
  return weight === 'cause';
}

function isSymptom({ weight }: Rule): boolean {
  return weight === 'symptom';
}
