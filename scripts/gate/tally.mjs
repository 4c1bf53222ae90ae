/**
 * What the reports of the test runners say, as counts. A report that proves nothing (no test ran, a file that would not load) is a failure:
 * a gate that checks nothing must not be green.
 *
 * @typedef {{ passed: number, failed: number, skipped: string[] }} Tally
 */

/**
 * @param {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }} report
 * @returns {Tally}
 */
export function vitestTally(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const broken = report.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some(failed));
  return atLeastOne({
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: tests.filter(failed).length + broken.length,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName),
  });
}

const failed = ({ status }) => status === 'failed';

/**
 * A scenario passes when each of its steps, hooks included, does; a pending or undefined step is a failure.
 * @param {{ elements: { type: string, name: string, steps: { result: { status: string } }[] }[] }[]} report
 * @returns {Tally}
 */
export function cucumberTally(report) {
  const scenarios = report.flatMap(({ elements }) => elements).filter(({ type }) => type === 'scenario');
  const isSkipped = ({ steps }) =>
    steps.length > 0 && steps.some(is('skipped')) && steps.every((step) => is('skipped')(step) || is('passed')(step));
  const hasPassed = ({ steps }) => steps.length > 0 && steps.every(is('passed'));
  return atLeastOne({
    passed: scenarios.filter(hasPassed).length,
    failed: scenarios.filter((scenario) => !hasPassed(scenario) && !isSkipped(scenario)).length,
    skipped: scenarios.filter(isSkipped).map(({ name }) => name),
  });
}

const is =
  (status) =>
  ({ result }) =>
    result.status === status;

function atLeastOne(tally) {
  return tally.passed + tally.failed + tally.skipped.length === 0 ? { ...tally, failed: 1 } : tally;
}
