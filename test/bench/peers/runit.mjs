/** runit: runsvdir with one runsv an engine. runsv waits a second after a run that was shorter than a second, which nothing configures away. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const name = 'runit';
export const executables = ['runsvdir', 'sv'];
/** As root, so nobody does it unasked. */
export const hint = 'apt-get install runit';

/** Its programs do not tell. */
export function version() {
  const { status, stdout } = spawnSync('dpkg-query', ['--show', '--showformat', '${Version}', 'runit'], { encoding: 'utf8' });
  return status === 0 ? stdout : 'of unknown version';
}

/** The run script gives the engine its log, which nobody rotates then; where the log is what is measured, svlogd writes it, and could. */
export function plan({ place, count, command, mode, programs: [runsvdir, sv] }) {
  const services = join(place, 'service');
  const all = Array.from({ length: count }, (_, number) => join(services, `r${number}`));
  const byLogger = mode === 'flood';
  const log = (service) => (byLogger ? join(service, 'kept/current') : join(service, 'log.txt'));
  for (const [number, service] of all.entries()) {
    const engine = command(number).join(' ');
    mkdirSync(service, { recursive: true });
    if (byLogger) {
      mkdirSync(join(service, 'kept'));
      mkdirSync(join(service, 'log'));
      script(join(service, 'kept/config'), 's0\n');
      script(join(service, 'log/run'), `#!/bin/sh\nexec svlogd ${join(service, 'kept')}\n`);
      script(join(service, 'run'), `#!/bin/sh\nexec ${engine} 2>&1\n`);
    } else script(join(service, 'run'), `#!/bin/sh\nexec ${engine} >> ${log(service)} 2>&1\n`);
  }
  return {
    argv: [runsvdir, services],
    log: log(all[0]),
    status: [sv, 'status', ...all],
    // SIGTERM would leave all of them running.
    signal: 'SIGHUP',
  };
}

const script = (path, text) => writeFileSync(path, text, { mode: 0o755 });
