import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const tallyModule = new URL('../../scripts/gate/tally.mjs', import.meta.url).href;

type Tally = { readonly passed: number; readonly failed: number; readonly skipped: readonly string[] };
type Tallies = { readonly vitestTally: (report: unknown) => Tally; readonly cucumberTally: (report: unknown) => Tally };

const { vitestTally, cucumberTally } = (await import(tallyModule)) as Tallies;

describe("vitest's report", () => {
  const file = (status: string, ...statuses: string[]) => ({
    name: 'a.test.ts',
    status,
    assertionResults: statuses.map((each, index) => ({ status: each, fullName: `test ${index}` })),
  });

  it('counts tests, and names those skipped', () => {
    const report = { testResults: [file('passed', 'passed', 'skipped'), file('failed', 'passed', 'failed', 'pending')] };
    expect(vitestTally(report)).toEqual({ passed: 2, failed: 1, skipped: ['test 1', 'test 2'] });
  });

  it('counts a file that would not load as one failure', () => {
    expect(vitestTally({ testResults: [file('failed'), file('passed', 'passed')] })).toEqual({
      passed: 1,
      failed: 1,
      skipped: [],
    });
  });

  it('is a failure when no test ran', () => {
    expect(vitestTally({ testResults: [] })).toEqual({ passed: 0, failed: 1, skipped: [] });
  });
});

describe("cucumber's report", () => {
  const scenario = (...statuses: string[]) => ({
    type: 'scenario',
    name: 'x',
    steps: statuses.map((status) => ({ result: { status } })),
  });

  it('passes a scenario only when each step passed', () => {
    const elements = [
      scenario('passed', 'passed'),
      scenario('passed', 'failed', 'skipped'),
      scenario('undefined'),
      scenario('pending'),
      scenario(),
    ];
    expect(cucumberTally([{ elements }, { elements: [scenario('passed', 'skipped')] }])).toEqual({
      passed: 1,
      failed: 4,
      skipped: ['x'],
    });
  });

  it('is a failure when there is no scenario', () => {
    expect(cucumberTally([])).toEqual({ passed: 0, failed: 1, skipped: [] });
  });
});

describe('npm test', () => {
  const gate = (...args: string[]) =>
    promisify(execFile)('node', ['scripts/test.mjs', ...args], { cwd: fileURLToPath(new URL('../..', import.meta.url)) });

  it('lists its steps', async () => {
    const { stdout } = await gate('--help');
    expect(stdout).toMatch(/^usage: npm test/);
    for (const step of ['build', 'types', 'lint', 'dead', 'unit', 'features', 'cli', 'real'])
      expect(stdout).toContain(`\n  ${step} `);
  });

  it('refuses a step that it does not know', async () => {
    await expect(gate('unti')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot run "unti": the steps are build, '),
    });
  });
});
