import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupSaveRecord } from '../api/generated/backup-save-record.ts';
import type { Boundary, Commit } from '../api/generated/shared.ts';
import { labels, pageName } from '../api/names.ts';
import { backupJobs, backupSaveRecords, savePages } from '../api/resources.ts';
import type { BackupOrder } from '../api/worker-order.ts';
import { indexFileName } from '../archive/index-folder.ts';
import { isApiError, type Api } from '../kube/api.ts';
import type { Clock } from '../kube/clock.ts';
import { withPatience } from './head.ts';
import type { SegmentCommit } from './ledger.ts';
import type { CatalogueMember } from './source-reader-protocol.ts';
import type { CatalogueKind } from './stream-loop.ts';

export interface CatalogueDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly order: BackupOrder;
  /** Where this stream keeps its indexes; absent: nowhere. */
  readonly indexFolder?: string;
  readonly signal: AbortSignal;
}

/** How long one catalogue waits in all for an API that is away. */
const patienceMs = { incremental: 3_000, whole: 60_000 } as const;

/**
 * Gathers what a catalogue group tells. Its lists grow with the segments, whose number the plan keeps small, never with
 * the files; nothing here is needed to read the tape, so what can't be read is left out: then the catalogue says that it
 * is not whole, and the next one tells it again.
 */
export class CatalogueSource {
  readonly #deps: CatalogueDeps;
  readonly #own: SegmentCommit[] = [];
  /** Those of `#own` before it stand in a catalogue. */
  #told = 0;
  #planFrom = 0;
  #patientUntil = 0;
  #hasGap = false;

  constructor(deps: CatalogueDeps) {
    this.#deps = deps;
  }

  /** A commit of this worker, for the next incremental catalogue. */
  add(commit: SegmentCommit): void {
    this.#own.push(commit);
  }

  async members(kind: CatalogueKind, number: number): Promise<readonly CatalogueMember[]> {
    const whole = kind === 'whole';
    this.#patientUntil = this.#deps.clock.now() + patienceMs[kind];
    this.#hasGap = false;
    const records = await this.#readRecords();
    const plan = await this.#readPlan(whole ? 0 : this.#planFrom, records);
    const commits = whole ? await this.#readCommits(records) : this.#own.slice(this.#told).map(this.#toldOf);
    this.#told = this.#own.length;
    if (!this.#hasGap) this.#planFrom = plan.next;
    const about = this.#about(number, kind, this.#hasGap ? null : plan.next);
    const members: CatalogueMember[] = [
      json(`catalogue-${String(number).padStart(6, '0')}.json`, about),
      json('job.json', await this.#readJob()),
      { name: 'plan.jsonl', content: Buffer.from(plan.lines) },
      { name: 'commits.jsonl', content: Buffer.from(commits.map(commitLine).join('')) },
      json('records.json', records.map(recordOf)),
    ];
    return whole ? [...members, ...this.#indexes(commits)] : members;
  }

  /** @param count  null where something is missing */
  #about(number: number, kind: CatalogueKind, count: number | null): object {
    const { job, grant } = this.#deps.order;
    const previous = number === 0 ? null : number - 1;
    return {
      format: 1,
      whole: kind === 'whole' && count !== null,
      uid: job.uid,
      stream: grant.stream,
      number,
      previous,
      writtenAt: new Date().toISOString(),
      count,
      outcome: kind === 'whole' ? 'Closing' : 'Running',
    };
  }

  async #readRecords(): Promise<readonly BackupSaveRecord[]> {
    const { api, order, signal } = this.#deps;
    const options = { namespace: order.operatorNamespace, labelSelector: `${labels.jobUid}=${order.job.uid}` };
    const listed = await this.#ask(() => api.list(backupSaveRecords, options, signal));
    if (listed !== undefined && listed.items.length > 0) return listed.items;
    this.#hasGap = true;
    const ref = (name: string) => ({ namespace: order.operatorNamespace, name });
    const own = [order.record, order.planRecord].map((name) =>
      this.#ask(() => api.get(backupSaveRecords, ref(name), signal)),
    );
    return (await Promise.all(own)).filter((record) => record !== undefined);
  }

  async #readJob(): Promise<object> {
    const { api, order, signal } = this.#deps;
    const { namespace, name, uid } = order.job;
    // Workers are allowed this only where an administrator wants it: a refusal is no sign of a server that just starts.
    const job = await this.#ask(() => api.get(backupJobs, { namespace, name }, signal).catch(unlessRefused));
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
    if (plan === undefined) this.#hasGap = true;
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

  #toldOf = ({ segment, epoch, ...commit }: SegmentCommit): ToldCommit => {
    const { grant, library, tape } = this.#deps.order;
    const { group, bytes, blocks, files, sha256, writtenAt } = commit;
    return {
      ...{ n: segment, stream: grant.stream, epoch: epoch ?? grant.epoch },
      ...{ library: library.name, barcode: tape.barcode, labelId: tape.labelId },
      ...{ group, bytes, blocks, files, sha256, writtenAt },
    };
  };

  /** All streams, as the pages tell it, and what of this one waits for the API. */
  async #readCommits(records: readonly BackupSaveRecord[]): Promise<readonly ToldCommit[]> {
    const told: ToldCommit[] = [];
    const { stream } = this.#deps.order.grant;
    const ownSegments = new Set<number>();
    for (const { metadata, spec, status } of records) {
      if (spec.type !== 'Stream') continue;
      for (let page = 0; page < (status?.pages ?? 0); page += 1) {
        const commits = Object.entries((await this.#readPage(metadata.name, page))?.commits ?? {});
        told.push(...commits.map(([n, commit]) => toldOf(Number(n), spec.stream ?? 0, commit)));
        if (spec.stream === stream) for (const [n] of commits) ownSegments.add(Number(n));
      }
    }
    const waiting = this.#own.filter(({ segment }) => !ownSegments.has(segment));
    return [...told, ...waiting.map(this.#toldOf)];
  }

  async #readPage(record: string, page: number) {
    const { api, order, signal } = this.#deps;
    const ref = { namespace: order.operatorNamespace, name: pageName(record, page) };
    const found = await this.#ask(() => api.get(savePages, ref, signal));
    if (found === undefined) this.#hasGap = true;
    return found?.status;
  }

  /** Only of what stands on this tape: another tape of the stream has its own. */
  #indexes(commits: readonly ToldCommit[]): readonly CatalogueMember[] {
    const { indexFolder, order } = this.#deps;
    if (indexFolder === undefined) return [];
    const here = commits.filter(
      ({ stream, labelId }) => stream === order.grant.stream && labelId === order.tape.labelId,
    );
    const wanted = new Set(here.map(({ n }) => indexFileName(n)));
    const names = namesIn(indexFolder).filter((name) => wanted.has(name));
    return names.toSorted().map((name) => ({ name: `indexes/${name}`, content: { path: join(indexFolder, name) } }));
  }

  /** An API that can't be asked for long or says no leaves a gap in the catalogue, nothing more. */
  async #ask<T>(act: () => Promise<T>): Promise<T | undefined> {
    const { clock, signal } = this.#deps;
    try {
      return await withPatience(clock, this.#patientUntil - clock.now(), signal, act);
    } catch (error) {
      if (isApiError(error)) return undefined;
      throw error;
    }
  }
}

type ToldCommit = Pick<
  Commit,
  'epoch' | 'library' | 'barcode' | 'labelId' | 'group' | 'bytes' | 'blocks' | 'files' | 'sha256' | 'writtenAt'
> &
  Partial<Pick<Commit, 'verifiedAt'>> & { readonly n: number; readonly stream: number };

const unlessRefused = (error: unknown): undefined => {
  if (!isApiError(error, 'Forbidden')) throw error;
};

/** A folder that can't be read holds nothing that could be told. */
const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const line = (value: object): string => `${JSON.stringify(value)}\n`;

const boundaryLine = ({ number, path, offset, weight, entries, kind }: Boundary): string =>
  line({ n: number, from: path, offset, weight, entries, kind: kind ?? 'D' });

const toldOf = (n: number, stream: number, commit: Commit): ToldCommit => {
  const { epoch, library, barcode, labelId, group, bytes, blocks, files, sha256, writtenAt, verifiedAt } = commit;
  return {
    ...{ n, stream, epoch, library, barcode, labelId, group, bytes, blocks, files, sha256, writtenAt },
    ...(verifiedAt !== undefined && { verifiedAt }),
  };
};

const commitLine = (commit: ToldCommit): string => line(commit);

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
