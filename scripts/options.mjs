/** What the scripts are called with: one that is called wrongly says what is wrong, and ends with 2. */

import { parseArgs } from 'node:util';

/** @param {import('node:util').ParseArgsConfig} config */
export function parse(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse(error.message);
  }
}

/** The value of `--name`, which is to be a number over 0. */
export function numberOf(name, text) {
  const value = Number(text);
  return value > 0 ? value : refuse(`--${name} takes a number over 0, not "${text}"`);
}

export function refuse(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}
