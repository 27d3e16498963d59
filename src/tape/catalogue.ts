/**
 * What a catalogue group holds, as JSON: enough to find every segment of a backup without the cluster. Nothing stands
 * only here. An incremental catalogue tells what its own stream has added since the last one; a whole one tells
 * everything and carries the indexes of the segments on its tape. Pure; packing the members is the archive's affair.
 */
export interface Catalogue {
  readonly number: number;
  readonly whole: boolean;
  readonly uid: string;
  readonly stream: number;
  /** Number of the catalogue before this one in the same stream. */
  readonly previous?: number;
  readonly writtenAt: Date;
  /** Segments of the plan, `links` not counted; absent while the plan grows. */
  readonly count?: number;
  /** So far, such as `Running`. */
  readonly outcome: string;
  readonly job: CatalogueJob;
  /** Incremental: since the last catalogue. */
  readonly plan: Iterable<PlanLine>;
  /** Incremental: of the own stream, since the last catalogue. */
  readonly commits: Iterable<CommitLine>;
  readonly records: readonly RecordEntry[];
  /** Files with the index members of this tape's segments; none in an incremental one. */
  readonly indexes: readonly { readonly segment: number; readonly path: string }[];
}

/** The job's manifest. Secrets stand in `spec` by name only. */
export interface CatalogueJob {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
}

export interface PlanLine {
  /** Number of the segment. */
  readonly n: number;
  /** Escaped path and offset of its first cursor. */
  readonly from: string;
  readonly offset: number;
  readonly weight: number;
  readonly entries: number;
  readonly kind: 'data' | 'links';
}

export interface CommitLine {
  readonly n: number;
  readonly stream: number;
  readonly epoch: number;
  readonly library: string;
  readonly barcode: string;
  readonly labelId: string;
  readonly group: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly files: number;
  readonly sha256: string;
  /** RFC 3339. */
  readonly writtenAt: string;
  readonly verifiedAt?: string;
}

export interface RecordEntry {
  readonly identity: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly processNumber: number;
  };
  /** What was backed up, as the record's spec has it. */
  readonly object: unknown;
  readonly dataTime?: string;
  readonly stream: number;
  readonly epoch: number;
  readonly areas: readonly {
    readonly library: string;
    readonly barcode: string;
    readonly labelId: string;
    readonly first: number;
    readonly last: number;
    readonly bytes: number;
  }[];
  readonly totals: Readonly<Record<string, number>>;
  readonly times: Readonly<Record<string, string>>;
  /** RFC 3339; absent: for ever. */
  readonly retainUntil?: string;
}

/** A file in the working folder of the payload: small ones as they are, large ones by where they lie. */
export interface CatalogueFile {
  readonly name: string;
  readonly content: Uint8Array | { readonly path: string };
}

/** The members of the payload, in order, named below the working folder. */
export function catalogueFiles(catalogue: Catalogue): readonly CatalogueFile[] {
  const { number, whole, uid, stream, previous, writtenAt, count, outcome } = catalogue;
  const head = {
    ...{ format: 1, whole, uid, stream, number, previous: previous ?? null },
    ...{ writtenAt: writtenAt.toISOString(), count: count ?? null, outcome },
  };
  return [
    { name: `catalogue-${sixDigits(number)}.json`, content: jsonFile(head) },
    { name: 'job.json', content: jsonFile(manifestOf(catalogue.job)) },
    { name: 'plan.jsonl', content: jsonLines(catalogue.plan) },
    { name: 'commits.jsonl', content: jsonLines(catalogue.commits) },
    { name: 'records.json', content: jsonFile(catalogue.records) },
    ...catalogue.indexes.map(({ segment, path }) => ({
      name: `indexes/index-${sixDigits(segment)}.jsonl.zst`,
      content: { path },
    })),
  ];
}

/** Only what belongs to the job: no status, no fields of the server's. */
const manifestOf = ({ metadata, spec }: CatalogueJob) => {
  const { name, namespace, uid, creationTimestamp, labels } = metadata;
  return { metadata: { name, namespace, uid, creationTimestamp, labels }, spec };
};

const sixDigits = (number: number): string => String(number).padStart(6, '0');

const jsonFile = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);

function jsonLines(values: Iterable<unknown>): Buffer {
  let text = '';
  for (const value of values) text += `${JSON.stringify(value)}\n`;
  return Buffer.from(text);
}
