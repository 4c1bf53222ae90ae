#!/usr/bin/env node
import { version } from '../src/version.js';

const [word] = process.argv.slice(2);

if (word === '--version' || word === '-V') process.stdout.write(`${version}\n`);
else {
  process.stderr.write('error: cannot run poolctl: this build has no commands yet; HACKING.md says what comes next  [USAGE]\n');
  process.exitCode = 2;
}
