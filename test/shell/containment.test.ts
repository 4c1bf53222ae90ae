/** cgroups of the machine itself, where it lets us make some; what needs none runs everywhere. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { membersOf, seatOf } from '../../src/host/cgroups.js';
import { isAlive, readStat } from '../../src/host/proc.js';
import { findProgram } from '../../src/host/programs.js';
import { countMemory, openContainment } from '../../src/shell/containment.js';
import { joinChain } from '../../src/shell/launch-chain.js';
import { findLeaves, homeName, leafName, leavesIn } from '../../src/shell/leaves.js';
import { makeProcesses, marksOf } from '../../src/shell/processes.js';
import { killGroup, runProgram, scratchDir, until } from '../host/scratch.js';
import { bundle } from '../rig/bundle.js';
import { makeCgroup, whyNoCgroups } from '../rig/cgroups.js';
import { identityOf } from '../rig/facts.js';

const why = whyNoCgroups();
if (why !== null) process.stderr.write(`SKIPPED: cgroups of engines: ${why}\n`);
const bash = await findProgram('bash', process.env.PATH, '/');

async function opened() {
  const stateDir = await scratchDir();
  const containment = await openContainment({ stateDir, bash });
  onTestFinished(() => containment.close());
  const seat = seatOf('self');
  if (!seat.ok) throw new Error(seat.error);
  return { stateDir, containment, seat: seat.value, home: join(seat.value.dir, homeName(stateDir)) };
}

test('a state directory has one name, by whatever path, and no other has it', async () => {
  const [dir, other] = [await scratchDir(), await scratchDir()];
  symlinkSync(dir, join(other, 'link'));
  expect(homeName(join(other, 'link'))).toBe(homeName(dir));
  expect(homeName(dir)).toMatch(/^poolctl-[0-9a-f]{12}$/);
  expect(homeName(dir)).not.toBe(homeName(other));
  expect(leafName('chat/r0', 'i-1')).toBe('chat.r0.i-1');
});

test('the leaves of a state directory are found wherever they are, and those of others are not', async () => {
  const [mount, stateDir] = [await scratchDir(), await scratchDir()];
  const place = (name: string): string => {
    mkdirSync(join(mount, name), { recursive: true });
    return join(mount, name);
  };
  const here = place(`user.slice/session-1.scope/${homeName(stateDir)}/chat.r0.i-1`);
  const there = place(`user.slice/session-2.scope/${homeName(stateDir)}/a-b.r10.i-2`);
  place(`${homeName('/another')}/chat.r0.i-3`);
  expect(findLeaves(mount, stateDir)).toEqual(
    new Map([
      ['i-1', here],
      ['i-2', there],
    ]),
  );
});

test('a kernel without cgroup.kill says so, and no file is made by asking', async () => {
  const leaf = await scratchDir();
  const leaves = leavesIn(new Map([['i', leaf]]));
  expect([leaves.kill('i'), leaves.kill('unknown'), leaves.members('unknown')]).toEqual([false, false, []]);
  expect(existsSync(join(leaf, 'cgroup.kill'))).toBe(false);
  writeFileSync(join(leaf, 'cgroup.kill'), '');
  expect(leaves.kill('i')).toBe(true);
  expect(readFileSync(join(leaf, 'cgroup.kill'), 'utf8')).toBe('1');
});

/** What a program gets that is launched through the links, and where its `cgroup.procs` would have been written. */
function launched(env: Readonly<Record<string, string>>, procs: string, args: readonly string[] = []) {
  const chain = joinChain(procs, env, bash);
  if (chain === null) throw new Error('no shell passes this on');
  const [program, ...rest] = chain;
  const show = 'console.log(JSON.stringify([process.pid, process.argv.slice(1), process.env]))';
  const { stdout, stderr, pid } = spawnSync(program, [...rest, process.execPath, '-e', show, '--', ...args], {
    env,
    encoding: 'utf8',
    cwd: '/',
  });
  const [ownPid, argv, got] = JSON.parse(stdout) as [number, readonly string[], Readonly<Record<string, string>>];
  return { samePid: ownPid === pid, argv, got, stderr };
}

test.each<[string, Readonly<Record<string, string>>]>([
  ['plain names', { PATH: '/bin', EMPTY: '', QUOTED: '"\'$HOME `x` \\\n ä' }],
  ['the directory of a shell', { PWD: '/not/here', OLDPWD: '/', SHLVL: '3' }],
  ['names that a shell does not like', { 'ODD.name-%%': '1', 'BASH_FUNC_f%%': '() {  echo hi\n}', PLAIN: 'x', SHLVL: '3' }],
])('an engine gets its arguments and its environment as they are: %s', async (_, env) => {
  const procs = join(await scratchDir(), 'cgroup.procs');
  const odd = ['', ' a  b ', '$HOME', '"\'\\', 'ä\n', '--', '-x=1'];
  const { samePid, argv, got, stderr } = launched(env, procs, odd);
  expect({ samePid, argv, got, stderr }).toEqual({ samePid: true, argv: odd, got: env, stderr: '' });
  expect(readFileSync(procs, 'utf8')).toBe('0\n');
});

test('what cannot be joined is no matter of the engine, which begins without a word in its log', () => {
  expect(launched({ PATH: '/bin' }, '/nowhere/cgroup.procs')).toEqual({
    samePid: true,
    argv: [],
    got: { PATH: '/bin' },
    stderr: '',
  });
});

test('bash runs no file of the environment before the engine; without bash, odd names go before a cgroup', async () => {
  const dir = await scratchDir();
  writeFileSync(join(dir, 'rc'), `echo ran >${join(dir, 'ran')}`);
  const env = { 'odd.name': '1', BASH_ENV: join(dir, 'rc'), ENV: join(dir, 'rc'), SHLVL: '1' };
  expect(launched(env, join(dir, 'cgroup.procs')).got).toEqual(env);
  expect(existsSync(join(dir, 'ran'))).toBe(false);
  expect(joinChain('/procs', env, null)).toBeNull();
  expect(joinChain('/procs', { PATH: '/bin' }, null)).not.toBeNull();
});

/** Double fork, own session, no variable, no descriptor of the log. */
const fleeing =
  '(env -i /usr/bin/setsid /bin/sh -c "exec /bin/sleep 600" </dev/null >/dev/null 2>&1 &); echo ready; exec sleep 600';

test.skipIf(why !== null)(
  'who was born in a cgroup is seen and killed with it, whatever he left behind; then it goes',
  async () => {
    const { containment, home } = await opened();
    expect(containment.level()).toBe('cgroup');
    const links = containment.contain('chat/r0', 'i-1', {});
    const running = await runProgram([...links, '/bin/sh', '-c', fleeing]);
    const identity = identityOf(running.pid, 'i-1', { startTicks: running.startTicks });
    const marks = marksOf(identity, '/nowhere/r0.log');
    const processes = makeProcesses(process.pid, undefined, containment);
    const seen = await until(async () => {
      const found = await processes.survivors(marks);
      return found.length === 2 && found.every(({ comm }) => comm === 'sleep') && found;
    });
    expect(await makeProcesses(process.pid).survivors(marks)).toHaveLength(1);
    const exit = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await exit;
    expect(processes.isEmpty(identity)).toBe(false);
    containment.drop('i-1');
    expect(existsSync(join(home, 'chat.r0.i-1'))).toBe(true);
    // Whom the kernel has killed by then is told as nobody.
    await processes.killSurvivors(marks);
    await until(() => seen.every((each) => !isAlive(each)));
    await until(() => processes.isEmpty(identity));
    expect(await processes.survivors(marks)).toEqual([]);
    containment.drop('i-1');
    expect(existsSync(join(home, 'chat.r0.i-1'))).toBe(false);
    containment.close();
    expect(existsSync(home)).toBe(false);
  },
);

test.skipIf(why !== null)('a tree is killed at one stroke, those in groups below it too', async () => {
  const { containment, home } = await opened();
  const links = containment.contain('chat/r0', 'i-1', {});
  const lower = join(home, 'chat.r0.i-1', 'of-the-engine');
  const running = await runProgram([
    ...links,
    '/bin/sh',
    '-c',
    `mkdir ${lower}; (env -i /usr/bin/setsid /bin/sh -c 'echo 0 >${lower}/cgroup.procs; exec /bin/sleep 600' </dev/null >/dev/null 2>&1 &); echo ready; exec sleep 600`,
  ]);
  const [pid = 0] = await until(() => membersOf(lower).length === 1 && membersOf(lower));
  const below = readStat(pid);
  if (below === null) throw new Error('it has ended');
  const processes = makeProcesses(process.pid, () => expect.fail('nobody is to be followed down'), containment);
  const marks = marksOf(identityOf(running.pid, 'i-1', { startTicks: running.startTicks }), '/nowhere/r0.log');
  expect(await processes.killTree(marks)).toEqual([pid]);
  await until(() => !isAlive(running) && !isAlive(below));
  await until(async () => (await processes.survivors(marks)).length === 0);
  containment.drop('i-1');
  expect(existsSync(join(home, 'chat.r0.i-1'))).toBe(false);
});

test.skipIf(why !== null)('what an earlier supervisor left is found, and what is empty of it goes', async () => {
  const { containment, stateDir, home, seat } = await opened();
  const running = await runProgram([...containment.contain('chat/r0', 'i-1', {}), '/bin/sh', '-c', 'echo ready; exec sleep 600']);
  mkdirSync(join(home, 'chat.r1.i-2'));
  const next = await openContainment({ stateDir, bash });
  expect(existsSync(join(home, 'chat.r1.i-2'))).toBe(false);
  expect(next.earlier()).toEqual([{ key: 'chat/r0', instance: 'i-1' }]);
  expect(next.members('i-1')).toEqual([running.pid]);
  const elsewhere = join(seat.dir, `${homeName('/else')}-test`, homeName(stateDir));
  mkdirSync(join(elsewhere, 'chat.r2.i-3'), { recursive: true });
  next.findEarlier();
  expect(next.earlier()).toHaveLength(2);
  next.drop('i-3');
  for (const dir of [elsewhere, dirname(elsewhere)]) rmdirSync(dir);
  expect([...findLeaves(seat.mount, stateDir).keys()]).toEqual(['i-1']);
  next.close();
  expect(existsSync(join(home, 'chat.r0.i-1'))).toBe(true);
  const exit = once(running.child, 'exit');
  expect(next.kill('i-1')).toBe(true);
  await exit;
  next.drop('i-1');
  next.close();
  expect(existsSync(home)).toBe(false);
});

test.skipIf(why !== null)(
  'a launch that can have no cgroup has none, and the level says so until one has its own again',
  async () => {
    const { containment, home } = await opened();
    writeFileSync(join(home, 'cgroup.max.descendants'), '0');
    expect([containment.contain('chat/r0', 'i-1', {}), containment.level()]).toEqual([[], 'group']);
    expect(containment.members('i-1')).toEqual([]);
    writeFileSync(join(home, 'cgroup.max.descendants'), 'max');
    expect(containment.contain('chat/r0', 'i-2', {})).not.toEqual([]);
    expect(containment.level()).toBe('cgroup');
    containment.drop('i-2');
  },
);

test.skipIf(why !== null)(
  'a cgroup that vanishes under a launch: the engine begins, and is looked for by its other marks',
  async () => {
    const { containment } = await opened();
    const links = containment.contain('chat/r0', 'i-1', {});
    containment.drop('i-1');
    const child = spawn(links[0] ?? '', [...links.slice(1), '/bin/sleep', '600'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => killGroup(child.pid ?? 0));
    await until(() => readStat(child.pid ?? 0)?.comm === 'sleep');
    expect(containment.members('i-1')).toEqual([]);
  },
);

test('in a scope the supervisor steps aside, so that its engines can be counted; nowhere else, and not where somebody else is in the way', async () => {
  const place = async (name: string, pids: string): Promise<string> => {
    const dir = join(await scratchDir(), name);
    for (const each of ['', 'home', 'supervisor']) {
      mkdirSync(join(dir, each), { recursive: true });
      for (const file of ['cgroup.procs', 'cgroup.subtree_control']) writeFileSync(join(dir, each, file), '');
    }
    writeFileSync(join(dir, 'cgroup.procs'), pids);
    countMemory(dir, join(dir, 'home'));
    return dir;
  };
  const said = (dir: string): readonly string[] =>
    ['supervisor/cgroup.procs', 'cgroup.subtree_control', 'home/cgroup.subtree_control'].map((file) =>
      readFileSync(join(dir, file), 'utf8'),
    );
  expect(said(await place('run-r1.scope', `${process.pid}\n`))).toEqual(['0', '+memory', '+memory']);
  expect(said(await place('run-r1.scope', `1\n${process.pid}\n`))).toEqual(['', '', '+memory']);
  expect(said(await place('poolctl.service', `${process.pid}\n`))).toEqual(['', '', '+memory']);
});

test.skipIf(why !== null)('it stays in a scope that has no memory to give, as the kernel has it', async () => {
  const cgroup = makeCgroup();
  onTestFinished(() => cgroup.remove());
  const scope = join(cgroup.dir, 'run-r1.scope');
  mkdirSync(scope);
  const file = join(await scratchDir(), 'aside.mjs');
  const importing = `import { readFileSync } from 'node:fs'; import { countMemory } from '${fileURLToPath(new URL('../../src/shell/containment.ts', import.meta.url))}';`;
  await bundle(
    `${importing} countMemory('${scope}', '${scope}/home'); console.log(readFileSync('/proc/self/cgroup', 'utf8'));`,
    file,
  );
  const [program = '', ...within] = [...cgroup.within.slice(0, -1), join(scope, 'cgroup.procs'), process.execPath, file];
  const { stdout } = spawnSync(program, within, { encoding: 'utf8' });
  const given = readFileSync(join(scope, 'cgroup.controllers'), 'utf8').split(/\s/).includes('memory');
  expect(stdout).toMatch(given ? /^0::.*\/run-r1\.scope\/supervisor$/m : /^0::.*\/run-r1\.scope$/m);
  expect(existsSync(join(scope, 'supervisor'))).toBe(given);
});
