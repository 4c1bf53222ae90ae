/** What an exception means that comes out of code which reads settings. */

import { type Rule, rulesOf } from '../rule.js';

export const settingsRefused: Rule = rulesOf('config', [
  {
    subclass: 'settings_refused',
    says: 'It refuses its settings',
    weight: 'symptom',
    phrases: [],
    example: 'AssertionError: expected one of triton, flashinfer',
  },
])[0] as Rule;
