#!/usr/bin/env node
/** child.c for a machine without a C compiler: the same words, some 30 ms slower to its first instruction. */

const begun = process.hrtime.bigint();

import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const [mode, ...words] = process.argv.slice(2);
const [file, name, number] = words;
const stamp = (at) => appendFileSync(file, `${name} ${process.pid} ${at}\n`);
const waitForEver = () => setInterval(() => {}, 2 ** 30);

if (mode === 'gone') {
  process.stdout.write('watching\n');
  const timer = setInterval(() => {
    if (words.some(lives)) return;
    clearInterval(timer);
    process.stdout.write(`${process.hrtime.bigint()}\n`);
  }, 1);
} else {
  stamp(begun);
  if (mode === 'http') createServer((_, answer) => answer.end('{"status":"ok"}')).listen(Number(number), '127.0.0.1');
  if (mode === 'flood') {
    flood(Number(number));
    stamp(process.hrtime.bigint());
  }
  if (mode !== 'http') waitForEver();
}

function lives(pid) {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function flood(bytes) {
  const lines = Math.floor(bytes / 100);
  for (let first = 0; first < lines; first += 640) {
    const count = Math.min(640, lines - first);
    const block = Buffer.from(
      Array.from({ length: count }, (_, index) => `${String(first + index).padStart(10, '0')} ${'x'.repeat(88)}\n`).join(''),
    );
    for (let done = 0; done < block.length; ) done += writeSync(1, block, done);
  }
}
