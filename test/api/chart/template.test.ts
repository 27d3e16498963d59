import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chart, makeHelm, readManifests, valuesFile, type Helm, type Manifest } from './helm.ts';
import { settings } from '../../../src/operator/settings.ts';

let helm: Helm;

beforeAll(async () => {
  helm = await makeHelm();
}, 900_000);
afterAll(() => helm.close());

const template = async (...args: readonly string[]): Promise<readonly Manifest[]> =>
  readManifests(await helm.run('template', 'twinreel', chart, '--namespace', 'twinreel-system', ...args));

const find = (manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);

const refusal = (...args: readonly string[]): Promise<string> =>
  helm.run('template', 'twinreel', chart, ...args).then(
    () => '',
    (error: unknown) => String(error),
  );

describe('the chart', () => {
  it.each(['everything', 'least'])('is accepted by helm lint --strict with values of %s', async (values) => {
    expect(await helm.run('lint', '--strict', chart, '--values', valuesFile(values))).toContain('0 chart(s) failed');
  });

  it('is accepted by helm lint --strict as it is', async () => {
    expect(await helm.run('lint', '--strict', chart)).toContain('0 chart(s) failed');
  });

  it('makes two operators that may do nothing on their node', async () => {
    const manifests = await template();
    expect(find(manifests, 'Deployment', 'twinreel-operator')).toMatchObject({
      spec: {
        replicas: 2,
        template: {
          spec: {
            serviceAccountName: 'twinreel-operator',
            securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [
              {
                image: 'twinreel:0.1.0',
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
              },
            ],
          },
        },
      },
    });
    expect(find(manifests, 'PodDisruptionBudget', 'twinreel-operator')).toMatchObject({ spec: { maxUnavailable: 1 } });
  });

  it('makes nothing that needs the CRDs of others, and no namespace, as it is', async () => {
    const kinds = new Set((await template()).map(({ kind }) => kind));
    expect([...kinds].filter((kind) => /Monitor|PrometheusRule|^Namespace$/.test(kind))).toEqual([]);
  });

  it('hands the operator its namespace and the image of its workers', async () => {
    const manifests = await template('--namespace', 'other', '--values', valuesFile('everything'));
    const image = `registry.example/backup/twinreel@sha256:${'0123456789abcdef'.repeat(4)}`;
    expect(find(manifests, 'Deployment', 'twinreel-operator')).toMatchObject({
      spec: {
        template: {
          spec: {
            imagePullSecrets: [{ name: 'registry' }],
            containers: [
              {
                image,
                args: [
                  ...['src/operator/main.ts', '--namespace', 'other', '--image', image],
                  ...['--image-pull-policy', 'Always', '--catalogue-every', '64', '--fence-timeout', '3m'],
                  ...['--log-level', 'debug', '--heartbeat', '15s'],
                ],
              },
            ],
          },
        },
      },
    });
    expect(find(manifests, 'ServiceAccount', 'twinreel-worker')).toMatchObject({
      imagePullSecrets: [{ name: 'registry' }],
    });
  });

  it('lives in whatever namespace it is installed in', async () => {
    const text = await helm.run('template', 'twinreel', chart, '-n', 'other', '--values', valuesFile('everything'));
    const manifests = readManifests(text).filter(({ kind }) => kind !== 'CustomResourceDefinition');
    expect(JSON.stringify(manifests)).not.toContain('twinreel-system');
    const elsewhere = manifests.flatMap(({ metadata }) => metadata.namespace ?? []).filter((name) => name !== 'other');
    expect(new Set(elsewhere)).toEqual(new Set(['kube-node-lease']));
  });

  it('makes every object once, and labels it', async () => {
    const manifests = await template('--values', valuesFile('everything'));
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
    expect(names).toEqual([...new Set(names)]);
    const own = manifests.filter(({ metadata }) => !['more', 'text'].includes(metadata.name));
    const bare = own.filter(({ metadata }) => metadata.labels?.['example.io/owner'] !== 'storage');
    expect(bare.map(({ metadata }) => metadata.name)).toEqual([]);
  });

  it('leaves out what is switched off', async () => {
    const manifests = await template('--values', valuesFile('least'));
    expect(manifests.map(({ kind }) => kind)).toEqual(['Deployment']);
  });

  it('makes the rights and policies that config/rbac has', async () => {
    const manifests = await template('--set', 'agent.rbac.create=true');
    const root = path.join(chart, '../../config/rbac');
    for (const file of ['agent', 'applications', 'operator', 'policies', 'users', 'worker']) {
      for (const document of parseAllDocuments(readFileSync(path.join(root, `${file}.yaml`), 'utf8'))) {
        const [plain] = readManifests(document.toString());
        const { metadata, ...rest } = plain ?? { metadata: { name: '' }, kind: '' };
        const same = manifests.find(
          (one) =>
            one.kind === rest.kind &&
            one.metadata.name === metadata.name &&
            one.metadata.namespace === metadata.namespace,
        );
        expect(same).toMatchObject(rest);
      }
    }
  });

  it('tells Helm to leave the CRDs when it is uninstalled', async () => {
    const crds = (await template()).filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(crds).toHaveLength(11);
    expect(crds.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] !== 'keep')).toEqual([]);
  });

  it('sends who gets an alert to the runbook that the values name', async () => {
    const rules = find(await template('--values', valuesFile('everything')), 'PrometheusRule', 'twinreel');
    const text = JSON.stringify(rules);
    expect(text).toContain('https://wiki.example/twinreel#twinreelnoleader');
    expect(text).not.toContain('docs/runbook.md');
    expect(text).toContain('26 * 3600');
  });
});

describe('the schema of the values', () => {
  it.each([
    ['a key that there is not', 'replicas=2', /replicas/],
    ['a key below image that there is not', 'image.name=x', /name/],
    ['a pull policy that there is not', 'image.pullPolicy=Sometimes', /image\.pullPolicy|image\/pullPolicy/],
    ['a count that is none', 'replicaCount=two', /replicaCount/],
    ['a setting that there is not', 'settings.heartbeats=3s', /heartbeats/],
    ['a setting that is no duration', 'settings.heartbeat=soon', /heartbeat/],
    ['a tag in the repository', 'image.digest=latest', /digest/],
    ['a port that there is not', 'metricsService.port=70000', /port/],
  ])('refuses %s, and names it', async (_what, set, says) => {
    const message = await refusal('--set', set);
    expect(message).toContain("values don't meet the specifications of the schema");
    expect(message).toMatch(says);
  });

  it('knows every setting that the chart does not make itself', () => {
    const made = ['kubeconfig', 'namespace', 'metricsAddress', 'image', 'imagePullPolicy'];
    const schema = JSON.parse(readFileSync(path.join(chart, 'values.schema.json'), 'utf8')) as {
      readonly properties: { readonly settings: { readonly properties: object } };
    };
    const known = Object.keys(schema.properties.settings.properties);
    const all = settings.map(({ key }) => key).filter((key) => !made.includes(key));
    expect(known.sort()).toEqual(all.sort());
  });

  it('refuses a ServiceMonitor without the Service that it scrapes', async () => {
    const off = ['--set', 'metricsService.enabled=false', '--set', 'serviceMonitor.enabled=true'];
    expect(await refusal(...off)).toContain('serviceMonitor.enabled needs metricsService.enabled');
  });
});
