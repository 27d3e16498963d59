import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, operatorCommand, readConfig } from '../../../src/operator/config.ts';
import { flagOf, settings, variableOf } from '../../../src/operator/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'twinreel-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const read = (argv: readonly string[], env: Record<string, string> = {}) => readConfig(argv, env, '1.2.3');

const problemsOf = (argv: readonly string[], env: Record<string, string> = {}): string => {
  try {
    read(argv, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('the configuration', () => {
  it('is whole without a word', () => {
    expect(read([])).toMatchObject({
      kubeconfig: undefined,
      namespace: 'twinreel-system',
      metrics: { host: '0.0.0.0', port: 8080 },
      lease: { name: 'twinreel-operator', durationMs: 15_000, renewMs: 10_000, retryMs: 2_000 },
      image: { pullPolicy: 'IfNotPresent' },
      catalogueEvery: 32,
      graceSeconds: 30,
    });
  });

  it('takes a flag before a variable before the file before the default', () => {
    const config = file('order.yaml', 'heartbeat: 1s\nprogressInterval: 1s\npodStartTimeout: 10s\n');
    const env = { TWINREEL_CONFIG: config, TWINREEL_HEARTBEAT: '2s', TWINREEL_PROGRESS_INTERVAL: '2s' };
    expect(read(['--heartbeat', '3s'], env)).toMatchObject({
      heartbeatMs: 3_000,
      progressMs: 2_000,
      podStartMs: 10_000,
      preparationMs: 9_000_000,
      filesMs: 21_600_000,
    });
  });

  it('reads durations, numbers and addresses', () => {
    const argv = ['--lease-duration', '5s', '--renew-deadline', '3s', '--retry-period', '500ms'];
    const found = read([...argv, '--metrics-address', '[::1]:9000', '--catalogue-every', '8']);
    expect(found).toMatchObject({
      lease: { durationMs: 5_000, renewMs: 3_000, retryMs: 500 },
      metrics: { host: '::1', port: 9000 },
      catalogueEvery: 8,
    });
  });

  it('keeps simulated fabrics beside the kubeconfig, so that two installations share none', () => {
    expect(read(['--kubeconfig', '/state/operator/kubeconfig']).simulatedFabrics).toBe('/state/operator/fabrics');
  });

  it.each([
    {
      name: 'a level that there is not',
      argv: ['--log-level', 'loud'],
      problem: 'logLevel (from --log-level): must be one of trace',
    },
    {
      name: 'a number that is none',
      argv: ['--catalogue-every', 'x'],
      problem: 'catalogueEvery (from --catalogue-every): must be integer',
    },
    {
      name: 'a number that is too small',
      argv: ['--catalogue-every', '0'],
      problem: 'catalogueEvery (from --catalogue-every): must be >= 1',
    },
    {
      name: 'a duration without a unit',
      argv: ['--heartbeat', '10'],
      problem: 'heartbeat (from --heartbeat): must be a duration such as 90s',
    },
    {
      name: 'a namespace that is no name',
      argv: ['--namespace', 'No'],
      problem: 'namespace (from --namespace): must match pattern',
    },
    {
      name: 'an address without a port',
      argv: ['--metrics-address', 'localhost'],
      problem: 'metricsAddress (from --metrics-address)',
    },
    {
      name: 'a port that there is not',
      argv: ['--metrics-address', ':70000'],
      problem: 'metricsAddress: there is no port 70000',
    },
    {
      name: 'a lease that is renewed too late',
      argv: ['--lease-duration', '5s'],
      problem: 'retryPeriod < renewDeadline < leaseDuration must hold',
    },
    { name: 'a file that is not there', argv: ['--config', join(folder, 'none')], problem: 'ENOENT' },
  ])('refuses $name', ({ argv, problem }) => {
    expect(problemsOf(argv)).toContain(problem);
  });

  it.each(settings.filter(({ kind }) => kind === 'duration').map((setting) => ({ flag: flagOf(setting), setting })))(
    'refuses $flag 0s, and names the bound',
    ({ flag, setting: { atLeast = 'no bound' } }) => {
      expect(problemsOf([flag, '0s'])).toContain(`${flag} must be at least ${atLeast}`);
    },
  );

  it('names the flag and the bound also of what the file holds', () => {
    const config = file('short.yaml', 'heartbeat: 10ms\n');
    expect(problemsOf(['--config', config])).toContain(`heartbeat (from ${config}): --heartbeat must be at least 1s`);
  });

  it('gives workers whole milliseconds', () => {
    expect(read(['--heartbeat', '1.0004s']).heartbeatMs).toBe(1000);
  });

  it('names the variable that is wrong', () => {
    expect(problemsOf([], { TWINREEL_FENCE_TIMEOUT: 'soon' })).toContain('fenceTimeout (from TWINREEL_FENCE_TIMEOUT)');
  });

  it('refuses words in the file that it does not know, and values of the wrong kind', () => {
    const config = file('wrong.yaml', 'heartbeats: 1s\ncatalogueEvery: many\n');
    const problems = problemsOf(['--config', config]);
    expect(problems).toContain('heartbeats: there is no such setting');
    expect(problems).toContain('catalogueEvery (from ');
    expect(problemsOf(['--config', file('list.yaml', '- 1\n')])).toContain('must be a map of settings');
  });

  it('tells of every setting in --help, with its variable', () => {
    const help = operatorCommand('1.2.3').helpInformation().replaceAll(/\s+/g, ' ');
    for (const setting of settings) {
      expect(help).toContain(flagOf(setting));
      expect(help).toContain(variableOf(setting));
    }
  });
});
