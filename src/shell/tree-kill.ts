/**
 * `tree-kill.js PID`: SIGKILL to a process and its descendants, followed down from it while it lives. A program of its own, since tree-kill asks
 * `ps` at every level, and throws past every catch where there is none or where nothing can be forked.
 */

import treeKill from 'tree-kill';

treeKill(Number(process.argv[2]), 'SIGKILL', (error) => {
  process.exitCode = error === undefined ? 0 : 1;
});
