/** pm2: a daemon that its client starts; engines' output comes to it through pipes, and it has no rotation of its own. */

import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const name = 'pm2';
export const executables = ['pm2'];
/** Where `install` puts them. */
export const bin = 'pm2/node_modules/.bin';
export const install = (directory) => [
  ['npm', 'install', '--no-fund', '--no-audit', '--prefix', join(directory, 'pm2'), 'pm2@7'],
];

export function version([pm2]) {
  return JSON.parse(readFileSync(join(realpathSync(pm2), '../../package.json'), 'utf8')).version;
}

/** No waits are the default; a bound on restarts of short runs is taken away. */
export function plan({ place, count, command, programs: [pm2] }) {
  const log = (number) => join(place, `r${number}.log`);
  const file = join(place, 'ecosystem.json');
  const apps = Array.from({ length: count }, (_, number) => {
    const [script, ...args] = command(number);
    return {
      name: `r${number}`,
      script,
      args,
      cwd: place,
      interpreter: 'none',
      exec_mode: 'fork',
      restart_delay: 0,
      max_restarts: 1_000_000,
      min_uptime: 0,
      merge_logs: true,
      out_file: log(number),
      error_file: log(number),
      // What would look at the source of an app and at its insides.
      vizion: false,
      pmx: false,
    };
  });
  writeFileSync(file, JSON.stringify({ apps }));
  const home = join(place, 'home');
  return {
    argv: [pm2, 'start', file],
    env: { PM2_HOME: home },
    pidFile: join(home, 'pm2.pid'),
    log: log(0),
    status: [pm2, 'jlist'],
    end: [pm2, 'kill'],
  };
}
