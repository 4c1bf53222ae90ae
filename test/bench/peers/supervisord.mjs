/** supervisord: one process; engines' output comes to it through pipes. It looks for exits once a second, which nothing configures away. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const name = 'supervisord';
export const executables = ['supervisord', 'supervisorctl'];
export const bin = 'supervisord/bin';
export const install = (directory) => [
  ['python3', '-m', 'venv', join(directory, 'supervisord')],
  [join(directory, bin, 'pip'), 'install', '--quiet', 'supervisor'],
];

export function version([supervisord]) {
  return execFileSync(supervisord, ['--version'], { encoding: 'utf8' }).trim();
}

/** One program of so many processes: a shutdown ends a program a turn of its loop, so a program for each engine would take a second for three. */
export function plan({ place, count, command, programs: [supervisord, supervisorctl] }) {
  const file = join(place, 'supervisord.conf');
  const socket = join(place, 'supervisor.sock');
  const log = (number) => join(place, `r${number}.log`);
  writeFileSync(
    file,
    `[supervisord]
nodaemon = true
logfile = ${join(place, 'supervisord.log')}
pidfile = ${join(place, 'supervisord.pid')}
childlogdir = ${place}

[unix_http_server]
file = ${socket}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://${socket}

[program:bench]
command = ${command('%(process_num)d').join(' ')}
process_name = r%(process_num)d
numprocs = ${count}
autorestart = true
startsecs = 0
startretries = 1000000
redirect_stderr = true
stdout_logfile = ${log('%(process_num)d')}
stdout_logfile_maxbytes = 0
`,
  );
  return {
    argv: [supervisord, '--configuration', file],
    log: log(0),
    status: [supervisorctl, '--configuration', file, 'status'],
    // A signal waits for the next turn of its loop, a request does not.
    end: [supervisorctl, '--configuration', file, 'shutdown'],
  };
}
