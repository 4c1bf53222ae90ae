/**
 * The unit as it is shipped, run by a systemd of the test's own: a user's manager with its own /run and the unified hierarchy alone, in a cgroup of the
 * test. What it needs are root and the right to mount.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/host/programs.js';
import { type Cgroup, makeCgroup, whyNoCgroups } from '../rig/cgroups.js';
import { program, Rig } from '../rig/poolctl.js';

/** Everything in it ends with the test's cgroup. */
const apart = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/user/0 && chmod 700 /run/user/0 || exit 1
umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
`;

const systemd = await findProgram('systemd', `${process.env.PATH}:/lib/systemd:/usr/lib/systemd`, '/');
const why =
  whyNoCgroups() ??
  (systemd === null ? 'there is no systemd: apt-get install systemd' : null) ??
  (spawnSync('unshare', ['-m', '--propagation', 'private', '/bin/sh', '-c', apart]).status === 0
    ? null
    : 'nothing may be mounted');
if (why !== null) process.stderr.write(`SKIPPED: the unit under a systemd of its own: ${why}\n`);

let rig: Rig;
let cgroup: Cgroup;
beforeEach(() => {
  rig = new Rig();
  cgroup = makeCgroup();
});
afterEach(async () => {
  await rig.end();
  await cgroup.remove();
});

/** How its one engine fares. */
const ofStatus = `const { supervisor, pools: [{ replicas: [{ pid, adopted }] }] } = JSON.parse(require("fs").readFileSync(0, "utf8"));
[supervisor.containment, pid, adopted].join(" ")`;

/** What `script` prints of the form name=value. It has `poolctl`, `unit NAME` for a property of the unit, and `engine`. */
function underSystemd(script: string): Readonly<Record<string, string>> {
  const config = join(rig.dir, '.config');
  const bin = join(rig.dir, '.local/bin');
  for (const dir of [join(config, 'systemd/user'), join(config, 'poolctl'), bin]) mkdirSync(dir, { recursive: true });
  copyFileSync(
    fileURLToPath(new URL('../../systemd/poolctl.service', import.meta.url)),
    join(config, 'systemd/user/poolctl.service'),
  );
  copyFileSync(join(rig.dir, 'pools.yaml'), join(config, 'poolctl/pools.yaml'));
  writeFileSync(join(bin, 'poolctl'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  chmodSync(join(bin, 'poolctl'), 0o755);
  const file = join(rig.dir, 'script');
  writeFileSync(
    file,
    `${apart}
${systemd} --user >"$HOME/said" 2>&1 &
manager=$!
until systemctl --user is-system-running --wait >/dev/null 2>&1; do kill -0 $manager || exit 1; sleep 0.1; done
unit() { systemctl --user show poolctl -p "$1" --value; }
engine() { poolctl status --json | ${process.execPath} -p '${ofStatus}'; }
${script}
kill $manager; wait
`,
  );
  const [first = '', ...rest] = [...cgroup.within, 'unshare', '-m', '--propagation', 'private', '/bin/sh', file];
  const { stdout, stderr } = spawnSync(first, rest, {
    encoding: 'utf8',
    cwd: rig.dir,
    timeout: 100_000,
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: rig.dir,
      XDG_CONFIG_HOME: config,
      XDG_RUNTIME_DIR: '/run/user/0',
      POOLCTL_STATE_DIR: rig.state,
    },
  });
  const said = Object.fromEntries([...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value = '']) => [name, value]));
  if (said.end !== 'yes') throw new Error(`${stdout}${stderr}${readFileSync(join(rig.dir, 'said'), 'utf8')}`);
  return said;
}

describe.skipIf(why !== null)('the unit, run by systemd (skipped without root, systemd, or the right to mount)', () => {
  beforeEach(() =>
    rig.inventory('version: 1\nsupervisor: { ports: 31220-31229 }\npools: { chat: { engine: demo, device_masks: [cpu] } }\n'),
  );

  it('systemd starts a killed supervisor again in the very cgroup that its engines live below, and it takes them over', () => {
    const said = underSystemd(`
systemctl --user start poolctl && echo "started=$(unit ActiveState)"
poolctl wait chat --for ready --timeout 30s
echo "first=$(engine)"
echo "leaf=$(sed -n s/^0:://p /proc/$(engine | cut -d' ' -f2)/cgroup)"
echo "unit=$(unit ControlGroup)"
kill -9 $(unit MainPID)
until [ "$(unit NRestarts)" = 1 ] && [ "$(unit ActiveState)" = active ]; do sleep 0.1; done
poolctl wait chat --for ready --timeout 30s
echo "second=$(engine)"
systemctl --user stop poolctl
echo "stopped=$(unit ActiveState) $(unit Result)"
echo end=yes
`);
    const [, pid] = said.first?.split(' ') ?? [];
    expect(said).toMatchObject({
      started: 'active',
      first: `cgroup ${pid} false`,
      second: `cgroup ${pid} true`,
      stopped: 'inactive success',
    });
    expect(said.leaf?.startsWith(`${said.unit}/poolctl-`)).toBe(true);
    expect(cgroup.below().filter((dir) => dir.includes('chat'))).toEqual([]);
  });

  it('in a scope each engine has a cgroup as well', () => {
    const said = underSystemd(`
systemd-run --user --scope -p Delegate=yes --quiet poolctl up >"$HOME/up" 2>&1 &
until poolctl wait chat --for ready --timeout 30s; do sleep 0.1; done
echo "engine=$(engine)"
echo "leaf=$(sed -n s/^0:://p /proc/$(engine | cut -d' ' -f2)/cgroup)"
poolctl down
echo end=yes
`);
    expect(said.engine).toMatch(/^cgroup \d+ false$/);
    expect(said.leaf).toMatch(/\.scope\/poolctl-[0-9a-f]{12}\/chat\.r0\.[^/]+$/);
  });
});
