/** The chart's NetworkPolicies as a cluster enforces them: who reaches whom while a backup runs. */
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../src/kube/core-types.ts';
import { operators, readPod, streamOn } from './fault-bench.ts';
import { atRest, bench, ended, goFast, image, monitoring, shopPort, start, team } from './installed.ts';

/** What a connection meets: a listener, a closed port, or nothing at all, as where packets are dropped. */
type Met = 'open' | 'refused' | 'nothing';

const patienceMs = 3000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What each of these connections from the pod meets, all of them tried at once. */
const connect = async (pod: Pod, to: readonly Address[]): Promise<readonly Met[]> => {
  const script = `
    const meet = (to) => new Promise((met) => {
      const socket = require('net').connect({ ...to, timeout: ${String(patienceMs)} });
      socket.on('connect', () => met('open')).on('timeout', () => met('nothing'));
      socket.on('error', ({ code }) => met(code === 'ECONNREFUSED' ? 'refused' : code));
    });
    Promise.all(${JSON.stringify(to)}.map(meet)).then((all) => process.exit(console.log(JSON.stringify(all))));`;
  const { name = '', namespace = '' } = pod.metadata ?? {};
  return JSON.parse(await bench.kubectl('exec', name, '-n', namespace, '--', 'node', '-e', script)) as readonly Met[];
};

const at = (pod: Pod, port: number): Address => {
  const host = pod.status?.podIP;
  if (host === undefined) throw new Error(`pod ${pod.metadata?.name ?? ''} has no address`);
  return { host, port };
};

const metricsPort = (operator: Pod): number => {
  const port = operator.spec?.containers[0]?.ports?.find(({ name }) => name === 'metrics')?.containerPort;
  if (port === undefined) throw new Error('the operator has no port for metrics');
  return port;
};

const makeScraper = async (): Promise<Pod> => {
  const container = {
    name: 'main',
    image,
    imagePullPolicy: 'Never',
    args: ['-e', 'setInterval(() => undefined, 1e6)'],
  };
  await bench.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: monitoring } });
  await bench.apply({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'scraper', namespace: monitoring } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  });
  await bench.kubectl('wait', '--for=condition=Ready', 'pod/scraper', '-n', monitoring, '--timeout=60s');
  return bench.json<Pod>('pod', 'scraper', '-n', monitoring);
};

export const policyTests = (): void => {
  describe('network policies on a whole cluster', { timeout: 240_000 }, () => {
    test('a worker reaches the API server alone, nobody a worker, and the operator only who scrapes', async () => {
      const scraper = await makeScraper();
      const job = await start({ name: 'guarded' }, 1_500_000);
      const worker = await readPod(streamOn(job, 'node-2').pod);
      const shop = await bench.json<Pod>('pod', 'application', '-n', team);
      const [operator] = await operators();
      if (operator === undefined) throw new Error('there is no operator');
      const metrics = at(operator, metricsPort(operator));
      const apiServer = { host: '10.96.0.1', port: 443 };
      const closed = 9;
      const met = await Promise.all([
        connect(worker, [apiServer, at(shop, shopPort), metrics]),
        // That others are answered shows that something listens, and that it is the policy which keeps silent.
        connect(scraper, [at(shop, shopPort), at(shop, closed), metrics]),
        connect(scraper, [at(worker, closed), at(operator, closed)]),
        connect(shop, [metrics, at(worker, closed)]),
      ]);
      expect(met).toEqual([
        ['open', 'nothing', 'nothing'],
        ['open', 'refused', 'open'],
        ['nothing', 'nothing'],
        ['nothing', 'nothing'],
      ]);
      goFast();
      expect((await ended('guarded')).status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
      await atRest();
      await bench.kubectl('delete', 'namespace', monitoring);
    });
  });
};
