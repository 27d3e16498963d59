/** What the tests of faults see and do on the installed bench. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { processesIn } from '../../dev/cluster/cgroups.ts';
import { layoutOf, type NodeName, nodeNames } from '../../dev/cluster/layout.ts';
import type { ProcessIdentity } from '../../dev/processes/process-identity.ts';
import type { BackupJob, BackupServer, Grant, Tape } from '../../src/api/generated/index.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { atRest, bench, chart, goFast, leaderOf, libraryFolder, readJob, system, team } from './installed.ts';

export const layout = layoutOf(bench.state);

/** A changed value on the release, as an administrator does it. */
export const upgrade = async (...values: readonly string[]): Promise<void> => {
  const set = values.flatMap((value) => ['--set', value]);
  await bench.exec('helm', 'upgrade', 'twinreel', chart, '-n', 'twinreel-system', '--reuse-values', ...set);
  await bench.kubectl('rollout', 'status', 'deployment/twinreel-operator', ...system, '--timeout=120s');
};

export const operators = async (): Promise<readonly Pod[]> => {
  const found = await bench.json<{ items: Pod[] }>('pods', ...system, '-l', 'app.kubernetes.io/component=operator');
  return found.items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
};

/** Of the operators, each one's in a line. */
export const argumentsOf = async (): Promise<readonly string[]> =>
  (await operators()).map(({ spec }) => spec?.containers[0]?.args?.join(' ') ?? '');

export const readPod = async (name: string): Promise<Pod> => bench.json<Pod>('pod', name, ...system);

const nodeNamed = (name: string | undefined): NodeName => {
  const found = nodeNames.find((one) => one === name);
  if (found === undefined) throw new Error(`${name ?? 'nothing'} is no node`);
  return found;
};

/** The node that the leader runs on. */
export const leaderNode = async (): Promise<NodeName> => {
  const leader = await readPod((await leaderOf()).replace(/_.*/, ''));
  return nodeNamed(leader.spec?.nodeName);
};

/** One operator on each node: after a drain both may be on one. */
export const spreadOperators = async (): Promise<void> => {
  const pods = await operators();
  if (new Set(pods.map(({ spec }) => spec?.nodeName)).size === nodeNames.length) return;
  const leader = (await leaderOf()).replace(/_.*/, '');
  const standby = pods.find(({ metadata }) => metadata?.name !== leader)?.metadata?.name ?? '';
  await bench.kubectl('delete', 'pod', standby, ...system);
  await bench.kubectl('rollout', 'status', 'deployment/twinreel-operator', ...system, '--timeout=60s');
};

/** The running stream of the job on the node, with the tape and the pod that it must have. */
export const streamOn = (job: BackupJob, node: string): Grant & { readonly tape: string; readonly pod: string } => {
  const found = job.status?.streams?.find(({ server, state }) => server === node && state === 'Running');
  const { tape, pod } = found ?? {};
  if (found === undefined || tape === undefined || pod === undefined) {
    throw new Error(`no stream of the job runs on ${node}: ${JSON.stringify(job.status?.streams)}`);
  }
  return { ...found, tape, pod };
};

export const tapeOf = async ({ tape }: { readonly tape: string }): Promise<Tape> => bench.json<Tape>('tape', tape);

export const condition = (job: BackupJob, type: string): string => {
  const found = job.status?.conditions?.find((one) => one.type === type);
  return found === undefined ? 'absent' : `${found.status} ${found.reason}`;
};

/** The job, once it shows what is looked for. */
export const seen = async (
  name: string,
  what: string,
  shows: (job: BackupJob) => boolean,
  seconds = 90,
): Promise<BackupJob> =>
  bench.until(
    `${name}: ${what}`,
    async () => {
      const job = await readJob(name);
      return shows(job) ? job : undefined;
    },
    seconds,
  );

/** Bytes of all tapes of both libraries: they grow while anybody writes. */
export const tapeBytes = (number?: number): number =>
  (number === undefined ? [0, 1] : [number]).map((one) => bytesBelow(libraryFolder(one))).reduce((a, b) => a + b, 0);

const bytesBelow = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath, entry.name)).size)
    .reduce((a, b) => a + b, 0);

/** The process of a worker that runs, as its node has it. */
export const workerProcess = async (node: NodeName, pod: string): Promise<ProcessIdentity> => {
  const { metadata } = await readPod(pod);
  const cgroup = layout.nodes.find(({ name }) => name === node)?.cgroup ?? '';
  const found = ['', 'burstable/', 'besteffort/']
    .flatMap((quality) => processesIn(`${cgroup}/kubepods/${quality}pod${metadata?.uid ?? ''}`))
    .find(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'));
  if (found === undefined) throw new Error(`pod ${pod} has no worker that runs on ${node}`);
  return found;
};

/** The memory that the pods of a server may use; undefined: as much as there is. */
export const limitMemory = async (server: string, memory: string | undefined): Promise<void> => {
  const pod = memory === undefined ? null : { resources: { limits: { memory } } };
  await bench.kubectl('patch', 'backupserver', server, '--type=merge', '-p', JSON.stringify({ spec: { pod } }));
};

/** By the API that drains use: it is refused where a budget forbids it. */
export const evict = async (pod: string): Promise<void> => {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod, namespace: 'twinreel-system' },
  };
  const url = `/api/v1/namespaces/twinreel-system/pods/${pod}/eviction`;
  await bench.fed(JSON.stringify(eviction), 'kubectl', 'create', '--raw', url, '-f', '-');
};

const cutOff = 'bench.twinreel.io/cut-off';

/** By a policy that allows nothing; policies add up, so the chart's, which allows the API server, must not select it. */
export const cutWorker = async (pod: string): Promise<void> => {
  const spec = { podSelector: { matchExpressions: [{ key: cutOff, operator: 'DoesNotExist' }] } };
  const narrow = ['--type=merge', '-p', JSON.stringify({ spec })];
  await bench.kubectl('patch', 'networkpolicy', 'twinreel-worker', ...system, ...narrow);
  await bench.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'cut-off', namespace: 'twinreel-system' },
    spec: { podSelector: { matchLabels: { [cutOff]: 'true' } }, policyTypes: ['Ingress', 'Egress'] },
  });
  await bench.kubectl('label', 'pod', pod, ...system, `${cutOff}=true`);
};

/** Ends what `cutWorker` did, to all of them. */
export const joinWorkers = async (): Promise<void> => {
  await bench.kubectl('delete', 'networkpolicy', 'cut-off', ...system, '--ignore-not-found');
};

/** Whatever a failed test left: its jobs are cancelled, and nothing is held when the next one begins. */
export const settle = async (): Promise<void> => {
  goFast();
  await bench.kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s');
  const { items } = await bench.json<{ items: BackupJob[] }>('backupjobs', '-n', team);
  const running = items.filter(({ status }) => status?.completionTime === undefined);
  for (const { metadata } of running)
    await bench.kubectl(
      ...['patch', 'backupjob', metadata.name, '-n', team],
      '--type=merge',
      '-p',
      '{"spec":{"cancel":true}}',
    );
  await atRest();
  const { items: servers } = await bench.json<{ items: BackupServer[] }>('backupservers');
  for (const { metadata, spec } of servers) if (spec.pod !== undefined) await limitMemory(metadata.name, undefined);
};
