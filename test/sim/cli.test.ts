import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/sim.mjs', import.meta.url));

function sim(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { maxBuffer: 2 ** 26 }, (error, stdout) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout });
    });
  });
}

test('a violation is told with its trace and how to play it again, and is the same then', async () => {
  const broken = ['--mutant', 'the handoff file of an unhealthy engine stays', '--hours', '6', '--probe-interval', '60s'];
  const found = await sim('--seeds', '2', '--threads', '1', ...broken);
  const [, violation, seed] = /VIOLATION (.*)\nVIOLATION of seed (\d+) after/.exec(found.stdout) ?? [];
  expect(violation).toMatch(/is told of .*, and its handoff file is still there/);
  expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/\d+ passed, [1-9]\d* failed\n$/) });
  const again = await sim('--seed', seed ?? '', ...broken, '--trace');
  expect(again.stdout).toContain(`VIOLATION ${violation}\n`);
  expect(again.code).toBe(1);
});

test('a core that is not broken passes, and the cells of its table are counted', async () => {
  const { code, stdout } = await sim('--seeds', '1', '--hours', '1', '--probe-interval', '60s');
  expect(stdout).toMatch(
    /^1 seeds, 1 simulated hours, \d+ inputs in .* s: \d+ hours a minute of a core\ncells: \d+ of \d+ that act/,
  );
  expect(stdout).toMatch(/0 violations\n1 passed, 0 failed\n$/);
  expect(code).toBe(0);
});

test('a mistake on the command line is told', async () => {
  expect((await sim('--probe-interval', 'soon')).code).toBe(2);
  expect((await sim('--mutant', 'none')).code).toBe(2);
});
