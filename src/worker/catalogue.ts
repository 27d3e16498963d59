import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupSaveRecord } from '../api/generated/backup-save-record.ts';
import type { Boundary, Commit } from '../api/generated/shared.ts';
import { labels, pageName } from '../api/names.ts';
import { backupJobs, backupSaveRecords, savePages } from '../api/resources.ts';
import type { BackupOrder } from '../api/worker-order.ts';
import { isApiError, type Api } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';
import type { SegmentCommit } from './ledger.ts';
import type { CatalogueMember } from './source-reader-protocol.ts';
import type { CatalogueKind } from './stream-loop.ts';

/** Folder of a stream's indexes within the server's catalogue folder. */
export const indexFolderOf = (catalogue: string, jobUid: string, stream: number): string =>
  join(catalogue, jobUid, `s${stream}`);

export interface CatalogueDeps {
  readonly api: Api;
  readonly order: BackupOrder;
  /** Where this stream keeps its indexes; absent: nowhere. */
  readonly indexFolder?: string;
  readonly signal: AbortSignal;
}

/**
 * Gathers what a catalogue group tells. Its lists grow with the segments, whose number the plan keeps small, never with
 * the files; nothing here is needed to read the tape, so what can't be read is left out.
 */
export class CatalogueSource {
  readonly #deps: CatalogueDeps;
  #recent: SegmentCommit[] = [];
  #planFrom = 0;

  constructor(deps: CatalogueDeps) {
    this.#deps = deps;
  }

  /** A commit of this worker, for the next incremental catalogue. */
  add(commit: SegmentCommit): void {
    this.#recent.push(commit);
  }

  async members(kind: CatalogueKind, number: number): Promise<readonly CatalogueMember[]> {
    const records = await this.#readRecords();
    const whole = kind === 'whole';
    const plan = await this.#readPlan(whole ? 0 : this.#planFrom, records);
    const commits = whole ? await this.#readCommits(records) : this.#recentCommits();
    this.#planFrom = plan.next;
    this.#recent = [];
    const members: CatalogueMember[] = [
      json(`catalogue-${String(number).padStart(6, '0')}.json`, this.#about(number, whole, plan.next)),
      json('job.json', await this.#readJob()),
      { name: 'plan.jsonl', content: Buffer.from(plan.lines) },
      { name: 'commits.jsonl', content: Buffer.from(commits) },
      json('records.json', records.map(recordOf)),
    ];
    return whole ? [...members, ...this.#indexes()] : members;
  }

  #about(number: number, whole: boolean, count: number): object {
    const { job, grant } = this.#deps.order;
    const previous = number === 0 ? null : number - 1;
    return {
      format: 1,
      whole,
      uid: job.uid,
      stream: grant.stream,
      number,
      previous,
      writtenAt: new Date().toISOString(),
      count,
      outcome: whole ? 'Closing' : 'Running',
    };
  }

  async #readRecords(): Promise<readonly BackupSaveRecord[]> {
    const { api, order, signal } = this.#deps;
    const options = { namespace: order.operatorNamespace, labelSelector: `${labels.jobUid}=${order.job.uid}` };
    const listed = await orNothing(api.list(backupSaveRecords, options, signal));
    if (listed !== undefined && listed.items.length > 0) return listed.items;
    const ref = (name: string) => ({ namespace: order.operatorNamespace, name });
    const own = [order.record, order.planRecord].map((name) =>
      orNothing(api.get(backupSaveRecords, ref(name), signal)),
    );
    return (await Promise.all(own)).filter((record) => record !== undefined);
  }

  async #readJob(): Promise<object> {
    const { api, order, signal } = this.#deps;
    const { namespace, name, uid } = order.job;
    const job = await orNothing(api.get(backupJobs, { namespace, name }, signal));
    const meta = job?.metadata;
    const metadata = { name, namespace, uid, creationTimestamp: meta?.creationTimestamp, labels: meta?.labels };
    return { apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', metadata, ...(job && { spec: job.spec }) };
  }

  /** @returns lines of boundaries from number `from` on, and the number behind the last */
  async #readPlan(
    from: number,
    records: readonly BackupSaveRecord[],
  ): Promise<{ readonly lines: string; readonly next: number }> {
    const plan = records.find(({ spec }) => spec.type === 'Plan');
    let next = from;
    let lines = '';
    for (let page = 0; page < (plan?.status?.plan?.pages ?? 0); page += 1) {
      const boundaries = (await this.#readPage(this.#deps.order.planRecord, page))?.boundaries ?? [];
      const wanted = boundaries.filter(({ number }) => number >= from);
      lines += wanted.map(boundaryLine).join('');
      next = Math.max(next, (wanted.at(-1)?.number ?? -1) + 1);
    }
    return { lines, next };
  }

  #recentCommits(): string {
    const { grant, library, tape } = this.#deps.order;
    const where = { library: library.name, barcode: tape.barcode, labelId: tape.labelId };
    const lines = this.#recent.map(({ segment, group, bytes, blocks, files, sha256, writtenAt, epoch }) =>
      line({
        ...{ n: segment, stream: grant.stream, epoch: epoch ?? grant.epoch, ...where },
        ...{ group, bytes, blocks, files, sha256, writtenAt },
      }),
    );
    return lines.join('');
  }

  async #readCommits(records: readonly BackupSaveRecord[]): Promise<string> {
    let lines = '';
    for (const { metadata, spec, status } of records) {
      if (spec.type !== 'Stream') continue;
      for (let page = 0; page < (status?.pages ?? 0); page += 1) {
        const commits = Object.entries((await this.#readPage(metadata.name, page))?.commits ?? {});
        lines += commits.map(([n, commit]) => commitLine(Number(n), spec.stream ?? 0, commit)).join('');
      }
    }
    return lines;
  }

  async #readPage(record: string, page: number) {
    const { api, order, signal } = this.#deps;
    const ref = { namespace: order.operatorNamespace, name: pageName(record, page) };
    return (await orNothing(getIfPresent(api, savePages, ref, signal)))?.status;
  }

  #indexes(): readonly CatalogueMember[] {
    const { indexFolder } = this.#deps;
    if (indexFolder === undefined) return [];
    const names = namesIn(indexFolder).filter((name) => /^index-\d{6,}\.jsonl\.zst$/.test(name));
    return names.sort().map((name) => ({ name: `indexes/${name}`, content: { path: join(indexFolder, name) } }));
  }
}

/** A folder that can't be read holds nothing that could be told. */
const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** An API that can't be asked or says no leaves a gap in the catalogue, nothing more. */
const orNothing = async <T>(asked: Promise<T>): Promise<T | undefined> => {
  try {
    return await asked;
  } catch (error) {
    if (isApiError(error)) return undefined;
    throw error;
  }
};

const line = (value: object): string => `${JSON.stringify(value)}\n`;

const boundaryLine = ({ number, path, offset, weight, entries, kind }: Boundary): string =>
  line({ n: number, from: path, offset, weight, entries, kind: kind ?? 'D' });

const commitLine = (n: number, stream: number, commit: Commit): string => {
  const { epoch, library, barcode, labelId, group, bytes, blocks, files, sha256, writtenAt, verifiedAt } = commit;
  return line({
    ...{ n, stream, epoch, library, barcode, labelId, group, bytes, blocks, files, sha256, writtenAt },
    ...(verifiedAt !== undefined && { verifiedAt }),
  });
};

const json = (name: string, value: object): CatalogueMember => ({ name, content: Buffer.from(line(value)) });

const recordOf = ({ metadata, spec, status }: BackupSaveRecord): object => ({
  name: metadata.name,
  type: spec.type,
  job: spec.job,
  object: spec.source,
  dataTime: spec.dataTime,
  stream: spec.stream,
  epoch: status?.epoch,
  areas: status?.areas?.map(({ library, barcode, labelId, firstSegment, lastSegment, bytes }) => ({
    ...{ library, barcode, labelId, first: firstSegment, last: lastSegment, bytes },
  })),
  totals: status?.totals,
  startTime: status?.startTime,
  endTime: status?.endTime,
  retainUntil: status?.retainUntil,
});
