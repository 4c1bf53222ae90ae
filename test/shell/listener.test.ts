import { expect, test } from 'vitest';
import { asProved, makeListeners } from '../../src/shell/listener.js';
import { makeProcesses, marksOf } from '../../src/shell/processes.js';
import { killGroup, type Running, runProgram } from '../host/scratch.js';
import { identityOf } from '../rig/facts.js';

const listen =
  "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('port ' + s.address().port + ' pid ' + process.pid + ' ready'));";

const numberAfter = (word: string, { output }: Running): number => Number(new RegExp(`${word} (\\d+)`).exec(output())?.[1]);
const marks = ({ pid, startTicks }: Running, instance = 'none') =>
  marksOf(identityOf(pid, instance, { startTicks }), '/nowhere/r0.log');

test('the engine itself, a worker of it that has left the group, a stranger, and nobody', async () => {
  const listeners = makeListeners(makeProcesses(process.pid));
  const engine = await runProgram([process.execPath, '-e', listen]);
  const wrapped = await runProgram(['sh', '-c', 'setsid "$0" -e "$1" & wait', process.execPath, listen]);
  const worker = numberAfter('pid', wrapped);
  const port = numberAfter('port', engine);
  expect(await listeners.whose(marks(engine), '127.0.0.1', port)).toEqual({ owner: 'ours', holder: null });
  expect(await listeners.whose(marks(wrapped), '127.0.0.1', numberAfter('port', wrapped))).toEqual({
    owner: 'ours',
    holder: null,
  });
  const foreign = { owner: 'foreign', holder: expect.stringMatching(new RegExp(`^pid ${engine.pid} \\(`)) };
  expect(await listeners.whose(marks(wrapped), '127.0.0.1', port)).toEqual(foreign);
  expect(await listeners.holder('127.0.0.1', port)).toEqual(foreign.holder);
  const gone = new Promise((resolve) => engine.child.once('exit', resolve));
  killGroup(engine.pid);
  killGroup(worker);
  await gone;
  expect(await listeners.whose(marks(wrapped), '127.0.0.1', port)).toEqual({ owner: 'nobody', holder: null });
});

test('an answer that no listener of ours or of a stranger explains is of an unknown one', () => {
  expect(asProved({ owner: 'nobody', holder: null })).toEqual({ listener: 'unknown', holder: null });
  expect(asProved({ owner: 'foreign', holder: 'pid 8 (x)' })).toEqual({ listener: 'foreign', holder: 'pid 8 (x)' });
});
