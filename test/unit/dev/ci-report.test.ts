import { expect, it } from 'vitest';
import { add, failure, tallyReport } from '../../../dev/ci/test-report.ts';

const test = (fullName: string, status: 'passed' | 'failed') => ({ fullName, status });
const file = (name: string, ...assertionResults: readonly ReturnType<typeof test>[]) => ({
  name,
  status: assertionResults.every(({ status }) => status === 'passed') ? 'passed' : 'failed',
  assertionResults,
});
const report = (...testResults: readonly ReturnType<typeof file>[]) => {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: string) => all.filter((one) => one.status === status).length;
  return { numPassedTests: count('passed'), numFailedTests: count('failed'), testResults };
};

it('counts tests, and names those that failed', () => {
  const tally = tallyReport('unit', report(file('a', test('one', 'passed'), test('two', 'failed'))), 1);
  expect(tally).toEqual({ passed: 1, failed: 1, failures: ['unit: two'] });
});

it('counts a file that could not be loaded as one failure', () => {
  const broken = { name: 'b.test.ts', status: 'failed', assertionResults: [] };
  const tally = tallyReport('api', report(file('a', test('one', 'passed')), broken), 1);
  expect(tally).toEqual({ passed: 1, failed: 1, failures: ['api: b.test.ts could not be run'] });
});

it('counts a run that fails without a failed test', () => {
  const tally = tallyReport('sim', report(file('a', test('one', 'passed'))), 1);
  expect(tally).toEqual({ passed: 1, failed: 1, failures: ['sim: vitest ended with 1 although no test failed'] });
});

it('counts a run without a report, whatever its exit code', () => {
  expect(tallyReport('system', undefined, 0).failed).toBe(1);
  expect(tallyReport('system', { unexpected: true }, 0).failed).toBe(1);
});

it('adds up', () => {
  expect(add({ passed: 3, failed: 0, failures: [] }, failure('lint failed'))).toEqual({
    passed: 3,
    failed: 1,
    failures: ['lint failed'],
  });
});
