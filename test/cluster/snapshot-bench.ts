/** A cluster that takes snapshots, and an application that writes all the time unless a hook has put it to sleep. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { killProcess } from '../../dev/cluster/faults.ts';
import type { MemberName } from '../../dev/cluster/layout.ts';
import { startIn } from '../../dev/cluster/members.ts';
import { readProcesses } from '../../dev/cluster/processes.ts';
import { readIdentity } from '../../dev/processes/process-identity.ts';
import { findSnapshotController } from '../../dev/tools/snapshot-controller.ts';
import { labels } from '../../src/api/names.ts';
import type { KubeObject } from '../../src/kube/api.ts';
import type { PersistentVolumeClaim, Pod } from '../../src/kube/core-types.ts';
import { claimObjects, driverObjects, snapshotClass } from '../support/csi-stand-in.ts';
import { makeTree } from '../support/make-tree.ts';
import { layout } from './fault-bench.ts';
import { applicationOf, bench, team } from './installed.ts';

const at = (...names: readonly string[]): string => path.join(bench.state, 'csi', ...names);

/** What the application writes into, and what a claim of the same name stands for. */
export const volume = at('volumes', 'ledger');
/** Of the stand-in: snapshots and clones that there are. */
const standInData = at('data');
const notes = at('notes');

/** The volume as it was at the cut of this number, from 1. */
export const asCut = (number: number): string => at('cuts', `ledger-${number}`);

/** What hooks and cuts have noted, in order. */
export const order = (): readonly string[] => readFileSync(path.join(notes, 'order'), 'utf8').trimEnd().split('\n');

/** Of the application's last complete entry, in a folder as the volume is. */
export const lastEntry = (folder = volume): number => Number(readFileSync(path.join(folder, 'last'), 'utf8'));

/** Complete, unless it was copied while the application wrote. */
export const isWhole = (folder: string): boolean => {
  const [first, last] = ['first', 'last'].map((name) => readFileSync(path.join(folder, name), 'utf8'));
  return first === last && readFileSync(path.join(folder, 'journal'), 'utf8').endsWith(`${last ?? '?'}\n`);
};

/** Three files for each entry: they agree only between two entries. */
const write = `const fs = require('fs');
let entry = 0;
setInterval(() => {
  if (fs.existsSync('/notes/freeze')) return fs.writeFileSync('/notes/frozen', String(entry));
  fs.rmSync('/notes/frozen', { force: true });
  entry += 1;
  fs.writeFileSync('/data/first', String(entry));
  fs.appendFileSync('/data/journal', entry + '\\n');
  fs.writeFileSync('/data/last', String(entry));
}, 10);`;

const freeze = `const fs = require('fs');
fs.writeFileSync('/notes/freeze', '');
const timer = setInterval(() => {
  if (!fs.existsSync('/notes/frozen')) return;
  clearInterval(timer);
  fs.appendFileSync('/notes/order', 'before ' + fs.readFileSync('/data/last', 'utf8') + '\\n');
}, 10);`;

const thaw = `const fs = require('fs');
fs.appendFileSync('/notes/order', 'after ' + fs.readFileSync('/data/last', 'utf8') + '\\n');
fs.rmSync('/notes/freeze');`;

const hook = (script: string): object => ({
  podSelector: { matchLabels: { app: 'ledger' } },
  command: ['node', '-e', script],
});

export const snapshotSpec = {
  source: { persistentVolumeClaim: { claimName: 'ledger' }, snapshot: { volumeSnapshotClassName: snapshotClass } },
  hooks: { before: [hook(freeze)], after: [hook(thaw)] },
};

const application = (): object =>
  applicationOf({
    ...{ name: 'ledger', app: 'ledger', script: write },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'ledger' } },
      { name: 'notes', hostPath: { path: notes } },
    ],
  });

/** Of all its processes. */
const role = 'snapshots';

const endProcesses = async (): Promise<void> => {
  const running = readProcesses(layout).filter((one) => one.role === role && readIdentity(one.pid) !== undefined);
  for (const { name } of running) await killProcess(layout, name);
};

const startProcess = async (member: MemberName, name: string, ...command: readonly string[]): Promise<void> => {
  const [program = '', ...args] = command;
  const env = { KUBECONFIG: layout.kubeconfig };
  const logFile = path.join(bench.state, 'logs', `${name}.log`);
  await startIn(layout, member, { role, name, command: program, args, env, logFile });
};

/** The controller of Kubernetes, and the CSI driver: its sidecars, and its plugin on each node. */
const startProcesses = async (controller: string): Promise<void> => {
  const [node, here] = [process.execPath, import.meta.dirname];
  const standIn = [path.join(here, 'csi-process.ts'), standInData, at('cuts'), path.join(notes, 'order')];
  await startProcess('control-plane', 'snapshot-controller', controller, `--kubeconfig=${layout.kubeconfig}`);
  await startProcess('control-plane', 'csi-stand-in', node, ...standIn);
  for (const { name } of layout.nodes)
    await startProcess(name, `csi-${name}`, node, path.join(here, 'csi-node.ts'), name);
};

export const startSnapshots = async (): Promise<void> => {
  await stopSnapshots();
  rmSync(at(), { recursive: true, force: true });
  for (const folder of [standInData, notes, at('cuts')]) mkdirSync(folder, { recursive: true });
  makeTree(volume, { files: 200, totalBytes: 16 * 2 ** 20, seed: 12 });
  const { program, crds } = await findSnapshotController();
  await bench.kubectl('apply', '--server-side', '-f', crds);
  await bench.kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', crds);
  await startProcesses(program);
  await bench.apply(...driverObjects, ...claimObjects('ledger', volume, team), application());
  await bench.kubectl('wait', '--for=condition=Ready', 'pod/ledger', '-n', team, '--timeout=60s');
  await bench.kubectl('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/ledger', '-n', team, '--timeout=60s');
};

export const stopSnapshots = async (): Promise<void> => {
  // Its volume has to be unmounted by the driver.
  await bench.kubectl('delete', 'pod/ledger', '-n', team, '--ignore-not-found', '--timeout=60s');
  await endProcesses();
};

export const clones = async (): Promise<readonly PersistentVolumeClaim[]> =>
  (await bench.json<{ items: PersistentVolumeClaim[] }>('pvc', '-n', team, '-l', `${labels.snapshot}=true`)).items;

export const anchors = async (): Promise<readonly Pod[]> =>
  (await bench.json<{ items: Pod[] }>('pods', '-n', team, '-l', `${labels.anchor}=true`)).items;

const isOurs = ({ kind = '', metadata }: KubeObject): boolean => {
  if (kind === 'PersistentVolume') return metadata?.name?.startsWith('pvc-') === true;
  const label = kind === 'Pod' ? labels.anchor : labels.snapshot;
  return kind === 'VolumeSnapshotContent' || metadata?.labels?.[label] === 'true';
};

/** What there is of all jobs' snapshots, in the cluster and in the storage below it: each with its kind before it. */
export const traces = async (): Promise<readonly string[]> => {
  const kinds = 'volumesnapshots,volumesnapshotcontents,pvc,pv,pods';
  const { items } = await bench.json<{ items: KubeObject[] }>(kinds, '-A');
  const named = items.filter(isOurs).map(({ kind, metadata }) => `${kind ?? ''} ${metadata?.name ?? ''}`);
  return [...named, ...readdirSync(standInData).map((name) => `Folder ${name}`)];
};

export const nothingLeft = async (): Promise<void> => {
  const look = async (): Promise<true> => {
    const left = await traces();
    if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
    return true;
  };
  await bench.until('no snapshot, clone, volume, anchor or copied data is left', look);
};
