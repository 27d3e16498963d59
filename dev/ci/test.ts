/**
 * `npm test`: everything that must hold, in this order: set-up, checks, then the tests of every project of
 * `vitest.config.ts`, or of those named (`npm test -- unit sim`). A step that fails does not keep the others from running.
 * The last line is `N passed, N failed`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vitestConfig from '../../vitest.config.ts';
import { runStep, type Step } from './run-step.ts';
import { add, failure, nothing, tallyReport, type Tally } from './test-report.ts';

const root = join(import.meta.dirname, '../..');
process.chdir(root);
const minuteMs = 60_000;
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const checks: readonly Step[] = [
  // A control plane that has to be built takes long, once.
  { name: 'set-up', command: [process.execPath, 'dev/set-up/main.ts'], limitMs: 40 * minuteMs },
  { name: 'generated files', command: ['npm', 'run', '-s', 'generate:check'], limitMs: 5 * minuteMs },
  { name: 'types', command: [bin('tsc'), '-p', '.'], limitMs: 10 * minuteMs },
  { name: 'lint', command: [bin('eslint'), '.'], limitMs: 10 * minuteMs },
  { name: 'format', command: [bin('prettier'), '--check', '.'], limitMs: 5 * minuteMs },
];

const projectNames = (vitestConfig.test?.projects ?? []).map((project) => {
  const name = typeof project === 'object' && 'test' in project ? project.test?.name : undefined;
  if (typeof name !== 'string') throw new Error('every project in vitest.config.ts must have a name');
  return name;
});

const named = process.argv.slice(2);
const unknown = named.filter((name) => !projectNames.includes(name));
if (unknown.length > 0) {
  console.error(`there is no project ${unknown.join(', ')}; there are ${projectNames.join(', ')}`);
  process.exit(2);
}
const projects = named.length === 0 ? projectNames : named;
/** Each runs one file at a time and waits more than it computes: side by side they take as long as the longer one. */
const besideEachOther: readonly string[] = ['system', 'cluster'];
const rounds = [
  ...projects.filter((name) => !besideEachOther.includes(name)).map((name) => [name]),
  projects.filter((name) => besideEachOther.includes(name)),
];

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const reports = mkdtempSync(join(tmpdir(), 'twinreel-test-'));

const runCheck = async (step: Step): Promise<Tally> => {
  const code = await runStep(step, stop.signal);
  return code === 0 ? nothing : failure(`${step.name} failed`);
};

const runProject = async (project: string): Promise<Tally> => {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const step: Step = {
    name: `tests: ${project}`,
    command: [bin('vitest'), 'run', '--project', project, ...reporters],
    limitMs: 45 * minuteMs,
  };
  const code = await runStep(step, stop.signal);
  return tallyReport(project, readReport(report), code);
};

const readReport = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
};

let tally = nothing;
try {
  for (const step of checks) if (!stop.signal.aborted) tally = add(tally, await runCheck(step));
  for (const round of rounds) {
    if (stop.signal.aborted) break;
    for (const one of await Promise.all(round.map(runProject))) tally = add(tally, one);
  }
  if (stop.signal.aborted) tally = add(tally, failure('stopped by a signal'));
} finally {
  rmSync(reports, { recursive: true, force: true });
}
if (tally.failures.length > 0) console.log(`\nfailed:\n${tally.failures.map((line) => `  ${line}`).join('\n')}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
