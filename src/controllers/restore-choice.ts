/** R3, R4: which segments hold what is asked for, and on which tapes they lie; read from the API, never from a cache. */
import type { JobRef, Restore, SavePage } from '../api/generated/index.ts';
import { labels, planRecordName } from '../api/names.ts';
import { backupSaveRecords } from '../api/resources.ts';
import { escapePath, unescapePath } from '../archive/escape.ts';
import { segmentsFor } from '../archive/plan.ts';
import type { BackupContent } from '../decide/restore/restore-view.ts';
import type { SegmentCopy } from '../decide/restore/restore-areas.ts';
import { normalise } from '../decide/spans.ts';
import type { Span } from '../decide/spans.ts';
import { bytesOf } from '../posix/bytes.ts';
import type { Api } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import { listCommitPages, listPages } from './observe-job.ts';

export type ContentFound =
  | {
      readonly ok: true;
      readonly content: BackupContent;
      /** Heads that hold the commits. */
      readonly records: readonly string[];
      readonly linksSegment: number;
      /** Of the whole backup. */
      readonly bytes: number;
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** The chosen paths as they stand on tape; none: everything. */
export const escapedPathsOf = ({ spec }: Restore): readonly string[] => {
  const plain = (spec.paths ?? []).map((path) => escapePath(bytesOf(path)));
  return [...plain, ...(spec.escapedPaths ?? [])].map((path) => path.replace(/^(\.\/)+/, '').replace(/\/+$/, ''));
};

type CopiesFound =
  | {
      readonly ok: true;
      readonly copies: readonly SegmentCopy[];
      readonly records: readonly string[];
      readonly linksSegment: number;
      readonly bytes: number;
    }
  | Extract<ContentFound, { readonly ok: false }>;

/** Every copy of every segment of one backup. */
export const readCopies = async (
  api: Api,
  namespace: string,
  backup: JobRef,
  signal: AbortSignal,
): Promise<CopiesFound> => {
  const planName = planRecordName(backup.uid, backup.processNumber);
  const head = await getIfPresent(api, backupSaveRecords, { namespace, name: planName }, signal);
  const plan = head?.status?.plan;
  if (plan?.complete !== true || plan.linksSegment === undefined) {
    return { ok: false, reason: 'BackupIncomplete', message: `the plan of ${backup.name} is not complete` };
  }
  const pages = await listCommitPages(api, namespace, backup.uid, signal);
  return {
    ok: true,
    copies: pages.flatMap(copiesIn),
    records: [...new Set(pages.flatMap((page) => page.spec.record ?? []))].sort(),
    linksSegment: plan.linksSegment,
    bytes: plan.bytes ?? 0,
  };
};

export const readContent = async (
  deps: Deps,
  restore: Restore,
  backup: JobRef,
  signal: AbortSignal,
): Promise<ContentFound> => {
  const found = await readCopies(deps.api, deps.settings.namespace, backup, signal);
  if (!found.ok) return found;
  const { copies, linksSegment, records, bytes } = found;
  const paths = escapedPathsOf(restore);
  const wanted =
    paths.length === 0 ? everything(linksSegment) : await segmentsOfPaths(deps, backup, paths, linksSegment, signal);
  return { ok: true, linksSegment, bytes, records, content: { wanted, copies } };
};

const everything = (linksSegment: number): readonly Span[] => [{ first: 0, last: linksSegment }];

const segmentsOfPaths = async (
  deps: Deps,
  backup: JobRef,
  paths: readonly string[],
  linksSegment: number,
  signal: AbortSignal,
): Promise<readonly Span[]> => {
  const selector = `${labels.jobUid}=${backup.uid},${labels.type}=Plan`;
  const pages = await listPages(deps.api, deps.settings.namespace, selector, signal);
  const boundaries = pages
    .flatMap((page) => page.status?.boundaries ?? [])
    .map(({ number, path, offset }) => ({ n: number, from: { path: unescapePath(path), offset } }))
    .sort((a, b) => a.n - b.n);
  const spans = normalise(paths.map((path) => segmentsFor(boundaries, unescapePath(path))));
  const one = spans.length === 1 && spans[0]?.first === spans[0]?.last;
  return one ? spans : normalise([...spans, { first: linksSegment, last: linksSegment }]);
};

const copiesIn = (page: SavePage): readonly SegmentCopy[] =>
  Object.entries(page.status?.commits ?? {}).map(([segment, commit]) => ({
    segment: Number(segment),
    stream: page.spec.stream ?? 0,
    library: commit.library,
    tape: commit.tape,
    barcode: commit.barcode,
    labelId: commit.labelId,
    bytes: commit.bytes,
  }));
