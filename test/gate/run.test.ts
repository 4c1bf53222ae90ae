import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

type Step = {
  readonly name: string;
  readonly argv: readonly string[];
  readonly after?: string;
  readonly report?: string;
  readonly read?: (report: unknown) => unknown;
};
type Outcome = {
  readonly step: Step;
  readonly output: string;
  readonly tally: { readonly passed: number; readonly failed: number };
};
type RunSteps = (
  steps: readonly Step[],
  how: { atOnce: number; cwd: string; told: (outcome: Outcome) => void },
) => Promise<readonly Outcome[]>;

const { runSteps } = (await import(new URL('../../scripts/gate/run.mjs', import.meta.url).href)) as {
  readonly runSteps: RunSteps;
};

const cwd = mkdtempSync(join(tmpdir(), 'gate-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const script = (name: string, text: string, more: Partial<Step> = {}): Step => ({ name, argv: ['sh', '-c', text], ...more });
const read = (report: unknown) => report;

async function run(...steps: Step[]): Promise<Record<string, string>> {
  const outcomes = await runSteps(steps, { atOnce: 2, cwd, told: () => {} });
  return Object.fromEntries(
    outcomes.map(({ step, tally, output }) => [step.name, `${tally.passed} ${tally.failed} ${output.trim()}`.trim()]),
  );
}

it('counts a step without a report by its exit status, with all that it said', async () => {
  expect(await run(script('good', 'echo fine'), script('bad', 'echo no >&2; exit 3'))).toEqual({
    good: '1 0 fine',
    bad: '0 1 no',
  });
});

it('runs no step whose need failed', async () => {
  expect(await run(script('build', 'exit 1'), script('unit', 'echo never', { after: 'build' }))).toEqual({
    build: '0 1',
    unit: '0 1 not run: build failed',
  });
});

it('takes a need that was not chosen as met', async () => {
  expect(await run(script('unit', 'echo ran', { after: 'build' }))).toEqual({ unit: '1 0 ran' });
});

it('reads a report, and never one of an earlier run', async () => {
  const write = script('unit', `echo '{"passed":5,"failed":0,"skipped":[]}' > r.json`, { report: 'r.json', read });
  expect(await run(write)).toEqual({ unit: '5 0' });
  expect(await run({ ...write, argv: ['true'] })).toEqual({ unit: '0 1 no report in r.json' });
});

it('fails a runner that fails though its report names no failure', async () => {
  const unit = script('unit', `echo '{"passed":5,"failed":0,"skipped":[]}' > r.json; exit 1`, { report: 'r.json', read });
  expect(await run(unit)).toEqual({ unit: '5 1' });
});

it('tells a program that is not there as a failure', async () => {
  const outcome = await run({ name: 'x', argv: ['/no/such/program'] });
  expect(outcome.x).toMatch(/^0 1 cannot run "\/no\/such\/program": /);
});

it('runs two at once, and no more', async () => {
  // Each leaves a mark while it lives, and tells how many marks there were; the first two wait for each other, so two did run at once.
  const marked = (name: string, wait: string) => script(name, `mkdir -p m; touch m/${name}; ${wait}; ls m | wc -l; rm m/${name}`);
  const both = 'while [ "$(ls m | wc -l)" -lt 2 ] && [ ! -e met ]; do sleep 0.01; done; touch met';
  const seen = await run(marked('a', both), marked('b', both), marked('c', ':'), marked('d', ':'));
  expect(Object.keys(seen).sort()).toEqual(['a', 'b', 'c', 'd']);
  for (const said of Object.values(seen)) expect(Number(said.split(' ').at(-1))).toBeLessThanOrEqual(2);
});
