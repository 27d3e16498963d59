/** The demo from its first line to its last. */
import { count } from '../../src/cli/amounts.ts';
import { formatBytes } from '../../src/decide/units.ts';
import { type Backup, runBackup } from './backup.ts';
import { restoreByHand } from './by-hand.ts';
import type { DemoFolder } from './cleanup.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { requireAtRest } from './at-rest.ts';
import { type Measured, measureSource, requireRoom } from './measure.ts';
import { restoreEachCopy, restoreEverything, restoreOneFile } from './restores.ts';
import { makeSample } from './source.ts';
import type { Stage } from './stage.ts';
import type { Teller } from './teller.ts';
import type { Timeline } from './timeline.ts';

export interface StoryOptions {
  readonly folder: DemoFolder;
  /** The user's own files; undefined: a sample. */
  readonly source: string | undefined;
  readonly sampleBytes: number;
  readonly teller: Teller;
  readonly times: Timeline;
  readonly signal: AbortSignal;
  /** Called as soon as there is a cluster to ask for what went wrong. */
  readonly onCluster: (cluster: Cluster) => void;
}

const mebi = 2 ** 20;
/** Root alone can give files to others. */
const owners = process.getuid?.() === 0 ? ' owners,' : '';
/** On disk at once: source, both copies with what is written again, two restored ones or an export with one. */
const roomFactor = 6;

/** @throws DemoError when anything is not as it should be */
export async function tellStory(options: StoryOptions): Promise<void> {
  const { teller, times } = options;
  teller.chapter('Something to back up');
  const source = options.source ?? options.folder.source;
  const measured = await prepareSource(options, source);

  teller.chapter('A Kubernetes control plane, an operator, and tape hardware made of files');
  const cluster = await startHardware(options, measured);

  const segmentBytes = chooseSegmentBytes(measured.dataBytes);
  const stage: Stage = { ...options, cluster, source, measured, segmentBytes };
  teller.chapter('A backup onto two tapes at once; half-way a drive breaks');
  const backup = await runBackup(stage);
  await restoreAll(stage, backup);

  teller.chapter('Where the time went');
  for (const line of times.table()) teller.say(line);
}

async function restoreAll(stage: Stage, backup: Backup): Promise<void> {
  stage.teller.chapter('Restores, compared with the source');
  stage.teller.say(
    `Compared: every byte, holes, modes,${owners} times to the nanosecond, link targets, hard links, xattrs and ACLs.`,
  );
  await restoreEverything(stage, backup);
  await restoreEachCopy(stage, backup);
  await restoreOneFile(stage, backup);
  await stage.cluster.kubectl(['get', 'restores'], { shown: true });
  await requireAtRest(stage);
  stage.teller.chapter('The same without Twinreel: exported tapes, GNU tar and cat');
  await restoreByHand(stage, backup);
}

async function prepareSource(options: StoryOptions, source: string): Promise<Measured> {
  const { folder, teller, times, signal } = options;
  if (options.source === undefined) {
    requireRoom(folder.root, options.sampleBytes * roomFactor);
    await times.measure('sample tree', () => makeSample(source, options.sampleBytes));
  }
  const measured = await measureSource(source, signal);
  if (options.source !== undefined) requireRoom(folder.root, measured.dataBytes * (roomFactor - 1));
  const { files, folders, others, sockets, dataBytes } = measured;
  const parts = [
    `${count(files, 'file')} with ${formatBytes(dataBytes)}`,
    count(folders, 'folder'),
    count(others, 'symlink or fifo', 'symlinks and fifos'),
    ...(sockets > 0 ? [`${count(sockets, 'socket')}, which no backup keeps`] : []),
  ];
  teller.say(`${source}: ${parts.join(', ')}`);
  if (options.source === undefined) {
    teller.say(
      'one large, many small and a sparse file; hard links far apart, symlinks to nothing, a fifo, names that\nare no UTF-8, setuid, xattrs, a time before 1970',
    );
  } else teller.say('it is only read; what changes in it from now on is not compared');
  return measured;
}

async function startHardware(options: StoryOptions, measured: Measured): Promise<Cluster> {
  const { folder, teller, times, signal } = options;
  const slots = 6;
  const tapeSizeBytes = Math.max(2 ** 30, Math.ceil((measured.dataBytes * 1.5 + measured.files * 4096) / mebi) * mebi);
  const local = { servers: 2, libraries: 2, drives: 2, switches: 2, slots, tapeSizeBytes };
  const cluster = await startCluster({ folder: folder.state, options: local, teller, times, signal });
  options.onCluster(cluster);
  teller.good('etcd, kube-apiserver, kube-controller-manager, kube-scheduler, operator, 2 node agents');
  teller.good(
    `2 media servers, 2 libraries with 2 drives and ${String(slots)} tapes of ${formatBytes(tapeSizeBytes)} each, 2 switches`,
  );
  await cluster.kubectl(['get', 'backupservers,tapelibraries'], { shown: true });
  return cluster;
}

/** About 16 segments of whole MiB, so that there is something to see; 64 MiB for the usual sample. */
function chooseSegmentBytes(dataBytes: number): number {
  return Math.min(1024, Math.max(1, Math.round(dataBytes / 16 / mebi))) * mebi;
}
