/**
 * Descriptors that this process was born with beyond stdin, stdout and stderr: a lock of the script that started us, a pipe that somebody waits for
 * the end of. libuv closes only the lowest of them in its children, so an engine would hold them for as long as it lives.
 */

import { closeSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Closes them; answers which. To be called once, before anything else is opened for children to inherit: what Node opens itself is close-on-exec, and
 * that is how the others are known. Synchronous.
 */
export function closeInheritedDescriptors(): readonly number[] {
  const inherited = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2 && passesOn(fd));
  return inherited.filter((fd) => {
    try {
      closeSync(fd);
      return true;
    } catch {
      return false;
    }
  });
}

const closeOnExec = 0o2000000;

function passesOn(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    return false;
  }
}
