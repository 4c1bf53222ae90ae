/** An exception of Python of which nothing else is known. The first one of a log is the root of those that follow. */

import { type Rule, rulesOf } from '../rule.js';

/** Kinds of exception that code which reads settings throws at settings that it refuses. */
export const refusals: ReadonlySet<string> = new Set([
  'python_value_error',
  'python_assertion_error',
  'python_not_implemented_error',
  'python_validation_error',
  'python_key_error',
  'python_type_error',
]);

/** Of which the first words say nothing of what died: a request that was refused looks the same. */
export function isException({ subclass }: Rule): boolean {
  return subclass === 'settings_refused' || subclass.startsWith('python_');
}

const names = [
  'AttributeError',
  'AssertionError',
  'ValueError',
  'TypeError',
  'KeyError',
  'IndexError',
  'NameError',
  'UnboundLocalError',
  'NotImplementedError',
  'ValidationError',
  'ZeroDivisionError',
  'RecursionError',
  'FileNotFoundError',
  'OSError',
  'ConnectionResetError',
  'ConnectionRefusedError',
  'BrokenPipeError',
  'EOFError',
  'UnicodeDecodeError',
  'JSONDecodeError',
  'TimeoutError',
  'SystemError',
  'RuntimeError',
];

export const pythonRules = rulesOf(
  'crash',
  names.map((name) => ({
    subclass: `python_${snake(name)}`,
    says: `An error in its code ended it (${name})`,
    weight: 'symptom',
    phrases: [`^${name}$`, `^${name}: `, `^${name}(`, `${name}: `],
    example: `${name}: x`,
  })),
);

export const otherPythonRules = rulesOf('crash', [
  {
    subclass: 'python_exception',
    says: 'An error in its code ended it',
    weight: 'wrapper',
    phrases: [
      'Traceback (most recent call last)',
      '^Exception: ',
      'Scheduler hit an exception',
      'Exception in thread',
      'Unhandled exception',
    ],
    example: 'Traceback (most recent call last):',
  },
]);

function snake(name: string): string {
  return name
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase()
    .replace('jsondecode', 'json_decode')
    .replace('oserror', 'os_error');
}
