/** As much as is needed of what vitest's JSON reporter writes. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** One line for each failure. */
  readonly failures: readonly string[];
}

export const nothing: Tally = { passed: 0, failed: 0, failures: [] };

/** One failure that no report counts. */
export const failure = (what: string): Tally => ({ passed: 0, failed: 1, failures: [what] });

export const add = (a: Tally, b: Tally): Tally => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  failures: [...a.failures, ...b.failures],
});

/**
 * Counts a report. A file that could not even be loaded counts as one failure, and so does a run that failed although
 * every test in its report passed (an unhandled error, or a process that crashed). Pure.
 *
 * @param report  parsed JSON; undefined where none was written
 * @param exitCode  of vitest
 */
export const tallyReport = (project: string, report: unknown, exitCode: number): Tally => {
  if (!isReport(report)) return failure(`${project}: vitest ended with ${exitCode} and wrote no report`);
  const failures = report.testResults.flatMap(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    const broken = status === 'failed' && failed.length === 0 ? [`${project}: ${name} could not be run`] : [];
    return [...failed.map(({ fullName }) => `${project}: ${fullName}`), ...broken];
  });
  const tally = { passed: report.numPassedTests, failed: failures.length, failures };
  if (exitCode === 0 || failures.length > 0) return tally;
  return add(tally, failure(`${project}: vitest ended with ${exitCode} although no test failed`));
};

const isReport = (value: unknown): value is Report =>
  typeof value === 'object' &&
  value !== null &&
  'numPassedTests' in value &&
  'numFailedTests' in value &&
  'testResults' in value &&
  Array.isArray(value.testResults);
