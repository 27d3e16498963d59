/** The backup: two copies at once, a drive that breaks half-way, and what the operator makes of it. */
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { BackupJob, BackupSaveRecord, Grant } from '../../src/api/generated/index.ts';
import { operatorNamespace } from '../../src/api/names.ts';
import { savePages } from '../../src/api/resources.ts';
import { routeOf } from '../../src/cli/story.ts';
import { formatBytes } from '../../src/decide/units.ts';
import { payloadBlockBytes } from '../../src/tape/labels.ts';
import { DemoError } from './demo-error.ts';
import { type FaultStruck, plantWriteError, type PlantedFault, readStruck } from './fault.ts';
import { followJob, namespace, requireSucceeded, type SeenJob } from './observe.ts';
import { Progress, type ProgressRow } from './progress.ts';
import type { Stage } from './stage.ts';
import { formatSeconds } from './timeline.ts';

export const jobName = 'demo';

export interface Backup {
  readonly job: BackupJob;
  /** Live states of the streams at the end, by stream. */
  readonly heads: readonly BackupSaveRecord[];
  readonly appliedAt: Date;
}

/** @throws DemoError when the job does not end as it should, with everything told that should be */
export async function runBackup(stage: Stage): Promise<Backup> {
  const { cluster, teller } = stage;
  const file = stage.folder.at('backup.yaml');
  writeFileSync(file, stringify(manifestOf(stage)));
  teller.command(`cat ${file}`, stringify(manifestOf(stage)));
  const appliedAt = new Date();
  await cluster.kubectl(['apply', '-f', file], { shown: true });

  const watcher = new BackupWatcher(stage);
  const seen = await followJob(stage, jobName, (now) => watcher.see(now)).finally(() => watcher.end());
  requireSucceeded(`BackupJob ${jobName}`, seen.job);
  const struck = watcher.struck;
  if (struck === undefined) throw new DemoError('the planted fault has not struck; there was nothing to survive');
  await requireFailover(stage, seen, struck);
  await cluster.kubectl(['get', 'backupjobs'], { shown: true });
  await cluster.kubectl(['get', 'backupjobs', '-o', 'wide'], { shown: true });
  addTimes(stage, seen, watcher.phasesMs, struck);
  return { ...seen, appliedAt };
}

function manifestOf({ source, segmentBytes }: Stage): object {
  return {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupJob',
    metadata: { name: jobName, namespace },
    spec: {
      source: { hostPath: { path: source } },
      routes: 2,
      copies: 2,
      segmentSize: `${String(segmentBytes / 2 ** 20)}Mi`,
    },
  };
}

/** Tells what happens while it happens, and breaks the drive. */
class BackupWatcher {
  /** When each phase was seen first. */
  readonly phasesMs = new Map<string, number>();
  struck: FaultStruck | undefined;
  readonly #stage: Stage;
  readonly #progress: Progress;
  readonly #told = new Set<string>();
  #fault: PlantedFault | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#progress = new Progress(stage.teller);
  }

  async see(seen: SeenJob): Promise<void> {
    const { status = {} } = seen.job;
    const phase = status.phase ?? 'Queued';
    if (!this.phasesMs.has(phase)) this.phasesMs.set(phase, Date.now());
    this.#breakDrive(status.streams ?? []);
    for (const { stream, reason, message } of status.failoverHistory ?? []) {
      this.#once(`lost ${String(stream)}`, (teller) =>
        teller.say(`  the operator gives up this way of stream ${String(stream)}: ${reason ?? ''}, ${message ?? ''}`),
      );
    }
    for (const grant of status.streams ?? []) this.#tellGrant(grant, seen.heads);
    if ((status.failovers ?? 0) > 0) await this.#showToUser();
    if (phase === 'Running' || phase === 'Closing') this.#progress.show(rowsOf(seen));
  }

  end(): void {
    this.#progress.end();
  }

  #tellGrant(grant: Grant, heads: readonly BackupSaveRecord[]): void {
    const stream = String(grant.number);
    // A replacement is whole when it has a tape.
    if (grant.barcode === undefined) return;
    if (grant.lostEpoch === undefined) {
      this.#once(`secured ${stream}`, (teller) => teller.say(`stream ${stream} secured: ${routeOf(grant)}`));
      return;
    }
    const epoch = String(grant.epoch);
    this.#once(`replaced ${stream} ${epoch}`, (teller) =>
      teller.say(`  a new way is secured for stream ${stream}: ${routeOf(grant)}`),
    );
    const area = heads.flatMap(({ status }) => status?.areas ?? []).find((one) => one.epoch === grant.epoch);
    if (area === undefined) return;
    this.#once(`goes on ${stream} ${epoch}`, (teller) =>
      teller.say(`  stream ${stream} goes on at segment ${String(area.firstSegment)}; what was committed before stays`),
    );
  }

  /** The drive of stream 0 is to fail once half of the source has passed it. */
  #breakDrive(streams: readonly Grant[]): void {
    const [first] = streams;
    if (this.#fault === undefined && first !== undefined) {
      const half = Math.max(1, Math.floor(this.#stage.measured.dataBytes / 2));
      this.#fault = plantWriteError(this.#stage.cluster, first, half);
      const fault = this.#fault;
      if (fault !== undefined) {
        this.#once('planted', (teller) =>
          teller.say(
            `a fault for ${fault.drive} (stream 0): the write after ${formatBytes(half)} will fail; see ${fault.file}`,
          ),
        );
      }
    }
    if (this.#fault === undefined || this.struck !== undefined) return;
    this.struck = readStruck(this.#fault);
    const [fault, struck] = [this.#fault, this.struck];
    if (struck === undefined) return;
    this.#once('struck', (teller) => {
      const time = struck.at.toISOString().slice(11, 23);
      teller.bad(`${time}  ${fault.drive} breaks: a write fails after ${formatBytes(struck.movedBytes)}`);
    });
  }

  /** What somebody who looks in the middle of a failover sees. */
  async #showToUser(): Promise<void> {
    if (this.#told.has('shown')) return;
    this.#told.add('shown');
    this.#progress.interrupt(() => undefined);
    await this.#stage.cluster.kubectl(['get', 'backupjobs'], { shown: true });
  }

  #once(key: string, print: (teller: Stage['teller']) => void): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#progress.interrupt(() => print(this.#stage.teller));
  }
}

function rowsOf({ job, heads }: SeenJob): readonly ProgressRow[] {
  const { progress = {}, streams = [], plan = {} } = job.status ?? {};
  const copies = job.spec.copies ?? job.spec.routes;
  const totalBytes = (progress.bytesTotal ?? 0) / copies;
  return streams.map((grant) => {
    const status = heads.find(({ spec }) => spec.stream === grant.number)?.status ?? {};
    const segments = status.totals?.segments ?? 0;
    const all = plan.linksSegment === undefined ? '?' : String(plan.linksSegment + 1);
    const done = grant.state === 'Succeeded' || (plan.linksSegment !== undefined && segments > plan.linksSegment);
    const doneBytes = done ? totalBytes : (status.totals?.bytes ?? 0) + (status.openBytes ?? 0);
    const doing = grant.state === 'Running' ? (grant.activity ?? '') : grant.state;
    return {
      name: `stream ${String(grant.number)}`,
      doneBytes: Math.min(doneBytes, totalBytes),
      totalBytes,
      detail: `segment ${String(segments).padStart(2)} of ${all}  ${routeOf(grant)}  ${doing}`,
    };
  });
}

/** What the operator reports must agree with what was done to the drive. */
async function requireFailover(stage: Stage, { job, heads }: SeenJob, struck: FaultStruck): Promise<void> {
  const { failovers = 0, bytesRewritten = 0, conditions = [], streams = [] } = job.status ?? {};
  if (failovers !== 1) throw new DemoError(`one drive broke, but the job tells of ${String(failovers)} failovers`);
  for (const type of ['Complete', 'Redundant', 'Released']) {
    if (conditions.find((one) => one.type === type)?.status !== 'True') throw new DemoError(`${type} is not True`);
  }
  const replaced = streams.find((grant) => grant.lostEpoch !== undefined);
  const head = heads.find(({ spec }) => spec.stream === replaced?.number);
  const area = head?.status?.areas?.find((one) => one.epoch === replaced?.epoch);
  if (replaced === undefined || area === undefined) throw new DemoError('no stream tells of its replacement');
  const segment = area.firstSegment;
  const segmentBytes = await readTapeBytes(stage, head?.metadata.name ?? '', segment);
  if (bytesRewritten > segmentBytes) {
    throw new DemoError(
      `${formatBytes(bytesRewritten)} were written again, but segment ${String(segment)} has ${formatBytes(segmentBytes)} only`,
    );
  }
  const pauseMs = Date.parse(area.startedAt ?? '') - struck.at.getTime();
  stage.teller.good(
    [
      `the backup survived: ${replaced.library ?? ''}/${replaced.drive ?? ''} wrote again ${formatSeconds(pauseMs)} after the drive broke,`,
      `from segment ${String(segment)} on. Written again: ${formatBytes(bytesRewritten)} of the segment that was open`,
      `(${formatBytes(segmentBytes)}), nothing else; stream 1 did not notice.`,
    ].join('\n'),
  );
}

/** What the segment takes on tape, in whole blocks. */
async function readTapeBytes({ cluster, signal }: Stage, record: string, segment: number): Promise<number> {
  const { items } = await cluster.api.list(savePages, { namespace: operatorNamespace }, signal);
  const pages = items.filter(({ spec }) => spec.type === 'Commits' && spec.record === record);
  const commit = pages.map(({ status }) => status?.commits?.[String(segment)]).find((one) => one !== undefined);
  if (commit === undefined) throw new DemoError(`segment ${String(segment)} is not in the pages of ${record}`);
  return commit.blocks * payloadBlockBytes;
}

function addTimes(
  { times }: Stage,
  { job, heads }: SeenJob,
  phasesMs: ReadonlyMap<string, number>,
  struck: FaultStruck,
): void {
  const { startTime = '', allocatedAt = '', completionTime = '', streams = [] } = job.status ?? {};
  const areas = heads.flatMap(({ status }) => status?.areas ?? []);
  const began = Math.min(...areas.map(({ startedAt = '' }) => Date.parse(startedAt)));
  const ended = Math.max(...areas.map(({ endedAt = '' }) => Date.parse(endedAt)));
  const replaced = streams.find((grant) => grant.lostEpoch !== undefined)?.epoch;
  const again = areas.find(({ epoch }) => epoch === replaced)?.startedAt ?? '';
  const releasing = phasesMs.get('Releasing') ?? Date.parse(completionTime);
  const bytes = areas.reduce((sum, area) => sum + (area.bytes ?? 0), 0);
  times.add('queued → allocated', Date.parse(allocatedAt) - Date.parse(startTime), 'two whole routes, all or nothing');
  times.add('load', began - Date.parse(allocatedAt), 'zones, tapes into drives, labels read, source planned');
  times.add(
    'run',
    ended - began,
    `${formatBytes(bytes)} onto ${String(new Set(areas.map(({ tape }) => tape)).size)} tapes`,
  );
  times.add('  failover in it', Date.parse(again) - struck.at.getTime(), 'write error → next byte by another drive');
  times.add('close', releasing - ended, 'catalogue onto the tapes');
  times.add('release', Date.parse(completionTime) - releasing, 'unload, unzone, free');
}
