import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clientSocket, lockFile, replicaPaths, stateDirOf, supervisorPaths } from '../../src/host/paths.js';
import { scratchDir } from './scratch.js';

const place = { cwd: '/srv', home: '/home/me' };

test.each([
  ['the command line first', { stateDir: 'here' }, { POOLCTL_STATE_DIR: '/e', XDG_STATE_HOME: '/x' }, '/srv/here'],
  ['then the environment', {}, { POOLCTL_STATE_DIR: '/e', XDG_STATE_HOME: '/x' }, '/e'],
  ['then XDG', {}, { XDG_STATE_HOME: '/x' }, '/x/poolctl'],
  ['a relative XDG path is none', {}, { XDG_STATE_HOME: 'x' }, '/home/me/.local/state/poolctl'],
  ['an empty variable is none', {}, { POOLCTL_STATE_DIR: '' }, '/home/me/.local/state/poolctl'],
])('state directory: %s', (_, named, env, expected) => {
  expect(stateDirOf(named, env, place)).toBe(expected);
});

test.each([
  ['named on the command line', { socket: 's.sock' }, { POOLCTL_SOCKET: '/e.sock' }, '/srv/s.sock'],
  ['named in the environment', {}, { POOLCTL_SOCKET: '/e.sock' }, '/e.sock'],
  ['in the runtime directory', {}, { XDG_RUNTIME_DIR: '/run/user/7' }, '/run/user/7/poolctl/poolctl.sock'],
  ['beside a state directory that was named', { stateDir: '/s' }, { XDG_RUNTIME_DIR: '/run/user/7' }, '/s/poolctl.sock'],
  ['beside one that the environment names', {}, { POOLCTL_STATE_DIR: '/s', XDG_RUNTIME_DIR: '/run/user/7' }, '/s/poolctl.sock'],
  ['in the state directory without a runtime one', {}, {}, '/home/me/.local/state/poolctl/poolctl.sock'],
])('socket: %s', (_, named, env, expected) => {
  expect(supervisorPaths(named, env, place).socket).toBe(expected);
  expect(clientSocket(named, env, place)).toBe(expected);
});

test('a client follows what the supervisor of the state directory wrote down, but not against a name', async () => {
  const stateDir = await scratchDir();
  await writeFile(lockFile(stateDir), '{"pid":1,"socket":"/elsewhere/p.sock"}\n');
  expect(clientSocket({ stateDir }, {}, place)).toBe('/elsewhere/p.sock');
  expect(clientSocket({ stateDir, socket: '/named.sock' }, {}, place)).toBe('/named.sock');
});

test.each(['', '{"pid":1,"so', '[]', 'null', '{"socket":"relative.sock"}'])(
  'a client takes the default where the lock says %j',
  async (text) => {
    const stateDir = await scratchDir();
    await mkdir(stateDir, { recursive: true });
    await writeFile(lockFile(stateDir), text);
    expect(clientSocket({ stateDir }, {}, place)).toBe(join(stateDir, 'poolctl.sock'));
  },
);

test('a socket path of 107 bytes is used, one of 108 is refused with a hint and exit status 2', () => {
  const of = (bytes: number): string => `/${'ä'.repeat(40)}${'x'.repeat(bytes - 81)}`;
  expect(supervisorPaths({ socket: of(107) }, {}, place).socket).toBe(of(107));
  expect(() => supervisorPaths({ socket: of(108) }, {}, place)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: expect.stringContaining('108 bytes'),
      more: expect.objectContaining({ hint: expect.stringContaining('--socket') }),
    }),
  );
  expect(() => clientSocket({ socket: of(108) }, {}, place)).toThrow('108 bytes');
});

test('the files of one replica', () => {
  const paths = supervisorPaths({ stateDir: '/s' }, {}, place);
  expect(replicaPaths(paths, 'chat/r12')).toEqual({
    log: '/s/logs/chat/r12.log',
    firstFailure: '/s/logs/chat/r12.first-failure.log',
    lastFailure: '/s/logs/chat/r12.last-failure.log',
    pidFile: '/s/run/chat.r12.pid',
    handoff: '/s/handoff/chat.r12.json',
  });
});
