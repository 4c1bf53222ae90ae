/** The floor: as little supervisor as Node allows. floor.mjs SOCKET LOG COUNT PROGRAM ARGS...; "%" in ARGS is the child's number. */

import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:http';

const [socket, log, count, program, ...args] = process.argv.slice(2);
const fd = openSync(log, 'a');
const children = new Map();
let stopping = false;

function launch(number) {
  const child = spawn(
    program,
    args.map((argument) => argument.replace('%', number)),
    { stdio: ['ignore', fd, fd], detached: true },
  );
  children.set(number, child);
  child.on('exit', () => {
    children.delete(number);
    if (!stopping) launch(number);
    else if (children.size === 0) process.exit();
  });
}

// Before the first child: a signal may come while they are being made.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    stopping = true;
    for (const child of children.values()) process.kill(-child.pid, 'SIGTERM');
  });
}

for (let number = 0; number < Number(count); number++) launch(number);

createServer((_, answer) => {
  answer.end(JSON.stringify([...children].map(([number, { pid }]) => ({ number, pid }))));
}).listen(socket);
