/** Each rule by its own example, and each of its phrases on the way there. */

import { describe, expect, it } from 'vitest';
import { anyForm } from '../../src/diagnosis/form.js';
import { logReader } from '../../src/diagnosis/log-reader.js';
import { patternOf, type Rule, wordOf } from '../../src/diagnosis/rule.js';
import { rules } from '../../src/diagnosis/rules.js';
import { signs } from '../../src/diagnosis/signs.js';
import { alone } from './circumstances.js';

describe.each(rules().map((rule) => [`${rule.class}/${rule.subclass}`, rule] as const))('%s', (_, rule) => {
  it('is what its example is taken for', () => {
    expect(judged(rule.example)).toMatchObject(told(rule));
  });

  it('has a hint, and says a sentence', () => {
    const { hint, summary } = judged(rule.example);
    expect(hint).toMatch(/\w/);
    expect(summary).toMatch(/^[A-Z].*\.$/);
  });
});

describe('phrases', () => {
  const phrases = [...rules().flatMap((rule) => rule.phrases), ...signs.flatMap(([, each]) => each)];

  it.each(phrases)('%s: has a word that is long enough to look for, and fits itself', (phrase) => {
    const line = sampleOf(phrase);
    expect(patternOf(phrase).test(line)).toBe(true);
    expect(line.toLowerCase()).toContain(wordOf(phrase));
    expect(wordOf(phrase).length).toBeGreaterThanOrEqual(4);
  });

  it('of a rule are never taken for nothing', () => {
    const lost = rules().flatMap((rule) => rule.phrases.filter((phrase) => judged(sampleOf(phrase)).evidence === null));
    expect(lost).toEqual([]);
  });
});

function judged(line: string) {
  const reader = logReader(anyForm);
  reader.read(line);
  return reader.diagnose(alone);
}

function told(rule: Rule) {
  return { class: rule.class, subclass: rule.subclass, cure: rule.cure, restartable: rule.restartable, evidence: { line: 1 } };
}

/** The shortest line that the phrase is of. */
function sampleOf(phrase: string): string {
  return phrase
    .replace(/^\^|\$$/g, '')
    .replace(/ $/, ' x')
    .replaceAll('*', 'x')
    .replaceAll('#', '7');
}
