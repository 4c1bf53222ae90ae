import { expect, test } from 'vitest';
import { cpuTicksOf } from '../../src/host/cpu-ticks.js';
import { runScript, until } from './scratch.js';

test('grows with what a process does, and keeps what its dead children did', async () => {
  const { pid } = await runScript('echo ready; sh -c "i=0; while [ \\$i -lt 200000 ]; do i=\\$((i+1)); done"; exec sleep 600');
  expect(cpuTicksOf([pid])).toBeGreaterThanOrEqual(0);
  const worked = await until(() => (cpuTicksOf([pid]) ?? 0) > 0 && cpuTicksOf([pid]));
  expect(cpuTicksOf([pid])).toBeGreaterThanOrEqual(worked);
});

test('adds up, and is unknown of nobody', () => {
  const own = cpuTicksOf([process.pid]) ?? 0;
  expect(own).toBeGreaterThan(0);
  expect(cpuTicksOf([process.pid, process.pid])).toBeGreaterThanOrEqual(2 * own);
  expect(cpuTicksOf([])).toBeNull();
  expect(cpuTicksOf([2 ** 30])).toBeNull();
});
