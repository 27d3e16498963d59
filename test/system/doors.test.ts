/** Every door as its documentation writes it, from a shell. Nothing here knows how the product is made. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractByHand, findPayloads } from '../support/by-hand.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';
import { makeTree } from '../support/make-tree.ts';
import { type Ended, shell } from '../support/shell.ts';

let cluster: LocalCluster;
let data: string;

beforeAll(async () => {
  cluster = await LocalCluster.start({ slots: 6 });
  data = path.join(cluster.folder, 'data');
  makeTree(data, { files: 400, totalBytes: 40e6, seed: 33, filesPerFolder: 50 });
  mkdirSync(path.join(data, 'doc'));
  writeFileSync(path.join(data, 'doc', 'read.me'), 'read me\n');
});
afterAll(() => cluster.stop());

/** A line in the environment that `up` has printed. */
const type = (line: string): Promise<Ended> => shell(line, { env: cluster.env });

const typed = async (line: string): Promise<string> => {
  const ended = await type(line);
  expect(ended.code, `${line}\n${ended.stderr}`).toBe(0);
  return ended.stdout;
};

const apply = (manifest: string): Promise<string> => typed(`kubectl apply -f - <<'END'\n${manifest}\nEND`);

const waitFor = (what: string): Promise<string> => typed(`kubectl wait --for=condition=Complete --timeout=10m ${what}`);

interface Seen {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>> & {
    readonly streams: readonly {
      readonly state: string;
      readonly drive?: string;
      readonly library?: string;
      readonly tape?: string;
      readonly segmentsCommitted?: number;
    }[];
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

const look = async (what: string): Promise<Seen> => JSON.parse(await typed(`kubectl get ${what} -o json`)) as Seen;

const job = (name: string, spec = ''): string => `
apiVersion: twinreel.io/v1alpha1
kind: BackupJob
metadata: { name: ${name}, namespace: default }
spec: { source: { hostPath: { path: ${data} } }, routes: 2, copies: 2, segmentSize: 8Mi${spec} }`;

const restore = (name: string, from: string, target: string, spec = ''): string => `
apiVersion: twinreel.io/v1alpha1
kind: Restore
metadata: { name: ${name}, namespace: default }
spec: { from: { backupJob: ${from} }, target: { hostPath: { path: ${target} } }${spec} }`;

describe('npm run -s local', () => {
  it('has written a kubeconfig and what runs', async () => {
    expect(await typed('kubectl get namespaces -o name')).toContain('namespace/default');
    const roles = cluster.processes().map(({ role, pid }) => `${role} ${String(existsSync(`/proc/${String(pid)}`))}`);
    expect(roles.sort()).toEqual(
      [
        ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'operator', 'agent', 'agent'],
        'supervisor',
      ]
        .map((role) => `${role} true`)
        .sort(),
    );
  });

  it('has made servers, libraries, switches and tapes under their names', async () => {
    const names = await typed('kubectl get backupservers,tapelibraries,fcswitches -o name');
    for (const name of ['server-0', 'server-1', 'library-0', 'library-1', 'switch-0', 'switch-1'])
      expect(names).toContain(`/${name}\n`);
    expect(existsSync(path.join(cluster.library(0), 'faults.yaml'))).toBe(false);
    expect((await typed('kubectl get tapes -o name')).trim().split('\n')).toHaveLength(12);
  });
});

describe('a minimal job and a minimal restore', () => {
  it('are Complete for kubectl wait, and tell the truth in their status', async () => {
    await apply(job('first'));
    expect(await waitFor('backupjob/first')).toContain('condition met');
    const { status } = await look('backupjob first');
    expect(status).toMatchObject({
      phase: 'Succeeded',
      failovers: 0,
      bytesRewritten: 0,
      progress: { percent: '100%' },
      streams: [
        { number: 0, state: 'Succeeded' },
        { number: 1, state: 'Succeeded' },
      ],
    });
    for (const unit of ['server', 'library', 'drive', 'tape'] as const)
      expect(status.streams.map((stream: Readonly<Record<string, unknown>>) => typeof stream[unit])).toEqual([
        'string',
        'string',
      ]);
    expect(status.conditions.find((one) => one.type === 'Complete')?.status).toBe('True');
    expect(status.conditions.find((one) => one.type === 'Redundant')?.status).toBe('True');
  });

  it('show the columns that the design names', async () => {
    const table = await typed('kubectl get backupjobs');
    expect(table.split('\n')[0]?.trim().split(/ {2,}/)).toEqual([
      ...['NAME', 'PHASE', 'PROGRESS', 'STREAMS', 'FAILOVERS', 'REASON', 'STARTED', 'AGE'],
    ]);
    const wide = await typed('kubectl get backupjobs -o wide');
    expect(wide.split('\n')[0]).toMatch(/TAPES +MESSAGE/);
    expect(wide).toMatch(/first +Succeeded +100% +2\/2 +0 .*[AB]0000\dL9,[AB]0000\dL9/);
  });

  it('restore all, and what was chosen from the copy that was preferred', async () => {
    await apply(restore('all', 'first', cluster.makeFolder('all')));
    await apply(restore('some', 'first', cluster.makeFolder('some'), ', paths: [doc], preferStreams: [1]'));
    await waitFor('restore/all');
    await waitFor('restore/some');
    expect(compareTrees(data, path.join(cluster.folder, 'all')).differences).toEqual([]);
    expect(readFileSync(path.join(cluster.folder, 'some', 'doc', 'read.me'), 'utf8')).toBe('read me\n');
    expect(readdirSync(path.join(cluster.folder, 'some'))).toEqual(['doc']);
    expect((await look('restore some')).status).toMatchObject({ phase: 'Succeeded', areas: [{ stream: 1 }] });
  });

  it('are shown by twinreel status', async () => {
    const all = await typed('npm run -s twinreel -- status');
    expect(all).toMatch(/backupjob\/first +Succeeded +100%/);
    expect(all).toMatch(/restore\/all +Succeeded/);
    const one = await typed('npm run -s twinreel -- status first');
    expect(one).toContain('Succeeded');
    expect(one).toContain('server-0');
  });
});

describe('twinreel tape', () => {
  it('lists the tapes of a library', async () => {
    const list = await typed(`npm run -s twinreel -- tape list --library ${cluster.library(0)}`);
    expect(list.trim().split('\n')).toHaveLength(7);
    expect(list).toMatch(/A00000L9 +slot \d+ +Written/);
    expect(list).toMatch(/A00005L9 +slot \d+ +Empty/);
  });

  it.each([0, 1])('exports copy %i so that tar and cat give back an identical tree', async (stream) => {
    const { metadata, status } = await look('backupjob first');
    const { library = '', tape = '' } = status.streams[stream] ?? {};
    const out = path.join(cluster.folder, `export-${String(stream)}`);
    const folder = path.join(cluster.state, 'libraries', library);
    // The name of a Tape object is its barcode in small letters.
    await typed(`npm run -s twinreel -- tape export --library ${folder} --barcode ${tape} --out ${out}`);
    expect(readdirSync(out).slice(0, 4)).toEqual(['00000', '00001', '00002', '00003']);
    const alone = cluster.makeFolder(`alone-${String(stream)}`);
    await typed(`tar -C ${alone} --warning=no-timestamp -xf ${out}/00002`);
    expect(readdirSync(alone).length).toBeGreaterThan(0);
    const target = cluster.makeFolder(`by-hand-${String(stream)}`);
    const payloads = findPayloads([out], metadata.uid);
    expect(payloads.data.length).toBeGreaterThan(4);
    expect(await extractByHand(payloads, target)).toMatchObject({ code: 0, stderr: '' });
    expect(compareTrees(data, target, { rootAttributes: false }).differences).toEqual([]);
  });

  it('says which tapes there are when one is not', async () => {
    const ended = await type(
      `npm run -s twinreel -- tape export --library ${cluster.library(0)} --barcode X1 --out ${cluster.folder}/x`,
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('A00000L9');
  });
});

describe('faults.yaml', () => {
  const fired = (library: number): string => {
    const file = path.join(cluster.library(library), 'faults.fired.json');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const both = (kind: string, more = ''): void => {
    const text = [0, 1].map((drive) => `- { drive: ${String(drive)}, kind: ${kind}${more} }\n`).join('');
    writeFileSync(path.join(cluster.library(0), 'faults.yaml'), text);
  };
  const heal = (): void => writeFileSync(path.join(cluster.library(0), 'faults.yaml'), '');

  it('writeError makes a job go over to another drive, and is noted', async () => {
    both('writeError', ', afterBytes: 20000000, times: 1');
    await apply(job('with-write-error', ', disjointness: { library: Required }'));
    await waitFor('backupjob/with-write-error');
    expect(fired(0)).toContain('writeError');
    const { status } = await look('backupjob with-write-error');
    expect(status).toMatchObject({ phase: 'Succeeded' });
    expect(status['bytesRewritten']).toBeGreaterThan(0);
    heal();
  });

  it('readError makes a restore read the other copy, and is noted', async () => {
    both('readError', ', afterBytes: 12000000');
    const target = cluster.makeFolder('after-read-error');
    const { status } = await look('backupjob first');
    const stream = status.streams.findIndex(({ library }) => library === 'library-0');
    await apply(restore('with-read-error', 'first', target, `, preferStreams: [${String(stream)}]`));
    await waitFor('restore/with-read-error');
    expect(fired(0)).toContain('readError');
    expect(compareTrees(data, target).differences).toEqual([]);
    heal();
  });

  it('slow throttles and stall blocks a drive until they are taken out', async () => {
    both('slow', ', bytesPerSecond: 2000000');
    await apply(job('with-slow', ', stallTimeout: 6s, disjointness: { library: Required }'));
    // Past the label and the end of data: those have the patience that a first load of a new tape needs.
    const mine = await eventually('the stream at library-0 has written', async () => {
      const { status } = await look('backupjob with-slow');
      return status.streams.find((stream) => stream.library === 'library-0' && (stream.segmentsCommitted ?? 0) > 0);
    });
    expect(fired(0)).toContain('slow');
    const drive = mine.drive?.replace('drive-', '') ?? '';
    writeFileSync(path.join(cluster.library(0), 'faults.yaml'), `- { drive: ${drive}, kind: stall }\n`);
    await eventually('the job has noticed', async () => {
      const { status } = await look('backupjob with-slow');
      return JSON.stringify(status['failoverHistory'] ?? []).includes('Stalled') ? true : undefined;
    });
    expect(fired(0)).toContain('stall');
    heal();
    await waitFor('backupjob/with-slow');
  });

  it('offline refuses everything, and the job goes on elsewhere', async () => {
    both('offline', ', afterBytes: 12000000');
    await apply(job('with-offline'));
    await waitFor('backupjob/with-offline');
    expect(fired(0)).toContain('offline');
    heal();
  });

  it('leaves a drive that was offline out of use until it is asked for again', async () => {
    const states = `kubectl get tapelibrary library-0 -o jsonpath='{.status.drives[*].state}'`;
    expect(await typed(states)).toContain('NotUsable');
    await typed('kubectl annotate tapelibrary library-0 twinreel.io/retry="$(date +%s)" --overwrite');
    await eventually('both drives are usable', async () =>
      (await typed(states)) === 'Usable Usable' ? true : undefined,
    );
  });
});
