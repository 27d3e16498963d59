import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { goTool } from '../../../dev/tools/go-tools.ts';
import { chart } from './helm.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const file = path.join(chart, 'files/alerts.yaml');
const alerts = (parse(readFileSync(file, 'utf8')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const cases = path.join(import.meta.dirname, 'alerts.promtool.yaml');
const docs = path.join(import.meta.dirname, '../../../docs');
const runbook = readFileSync(path.join(docs, 'runbook.md'), 'utf8');

let promtool: string;

beforeAll(async () => {
  promtool = await goTool('promtool');
}, 900_000);

const run = (...args: readonly string[]): Promise<{ stdout: string }> => promisify(execFile)(promtool, args);

it('promtool finds no fault in the rules', async () => {
  const { stdout } = await run('check', 'rules', '--lint=all', '--lint-fatal', file);
  expect(stdout).toContain(`${alerts.length} rules found`);
});

it('each alert fires when it must, and only then', async () => {
  await expect(run('test', 'rules', cases)).resolves.toMatchObject({ stderr: '' });
});

it.each(alerts)('$alert has a case, and a section in the runbook that its link leads to', ({ alert, annotations }) => {
  expect(readFileSync(cases, 'utf8')).toMatch(new RegExp(`alertname: ${alert}\\n +exp_alerts:`));
  expect(annotations['runbook_url']).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
  expect(runbook).toMatch(new RegExp(`^## ${alert}\\n\\n\\*\\*Meaning`, 'm'));
});

it('alerts and dashboard ask for metrics that there are', async () => {
  // test/unit/dev/docs.test.ts holds that page to the metrics that the operator has.
  const manual = readFileSync(path.join(docs, 'operating.md'), 'utf8');
  const known = new Set(Array.from(manual.matchAll(/^\| `(twinreel_[a-z_]+)` \|/gm), ([, name]) => name));
  const texts = [...alerts.map(({ expr }) => expr), readFileSync(path.join(chart, 'files/dashboard.json'), 'utf8')];
  const asked = texts.flatMap((text) => text.match(/\btwinreel_[a-z_]+/g) ?? []);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
});
