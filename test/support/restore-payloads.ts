import { mkdirSync } from 'node:fs';
import { PLAIN, type Encoding } from '../../src/archive/blocks.ts';
import type { ConflictPolicy } from '../../src/archive/place.ts';
import {
  acceptSegment,
  finishRestore,
  restoreSegment,
  takeBackSegment,
  type SegmentRestored,
} from '../../src/archive/restore.ts';
import type { RestoreTotals } from '../../src/archive/restore-report.ts';
import type { Selection } from '../../src/archive/selection.ts';
import { FileBlockSource, type TestBackup } from './payload-files.ts';

export interface RestoreWish {
  readonly selection?: Selection;
  readonly conflict?: ConflictPolicy;
  readonly encoding?: Encoding;
  /** Payloads in order; by default all of the backup, `links` last. */
  readonly payloads?: readonly string[];
  /** Of the Restore; by default always the same. */
  readonly restoreUid?: string;
  /** Those whose bytes do not hold their digest, as is known at their end. */
  readonly bad?: readonly string[];
  /** No verdict comes on the last payload. */
  readonly killed?: boolean;
  /** Leave the working folder. */
  readonly unfinished?: boolean;
}

export const RESTORE_UID = 'f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f';

export interface RestoreDone {
  readonly segments: readonly SegmentRestored[];
  readonly end: RestoreTotals | undefined;
  readonly failures: readonly string[];
  readonly kept: number;
  readonly files: number;
}

/** Restores payload files into a folder, made where it is missing, as a worker does. */
export const restorePayloads = (backup: TestBackup, target: string, wish: RestoreWish = {}): RestoreDone => {
  mkdirSync(target, { recursive: true });
  const selection = wish.selection ?? { kind: 'all' };
  const conflict = wish.conflict ?? 'Fail';
  const restoreUid = wish.restoreUid ?? RESTORE_UID;
  const encoding = wish.encoding ?? PLAIN;
  const shared = { encoding, targetPath: Buffer.from(target), folder: backup.folder, restoreUid, conflict };
  const segments: SegmentRestored[] = [];
  const restore = (payload: string, chosen: Selection): SegmentRestored => {
    const source = new FileBlockSource(payload);
    try {
      const restored = restoreSegment({ ...shared, source, selection: chosen });
      segments.push(restored);
      return restored;
    } finally {
      source.close();
    }
  };
  const payloads = wish.payloads ?? [...backup.data, backup.links];
  for (const payload of payloads) {
    const { unresolvedLinks } = restore(payload, selection);
    if (unresolvedLinks.length > 0) restore(payload, { kind: 'links', links: unresolvedLinks });
    if (wish.bad?.includes(payload) === true) takeBackSegment(shared.targetPath, restoreUid);
    else if (wish.killed !== true || payload !== payloads.at(-1))
      acceptSegment(shared.targetPath, restoreUid, conflict);
  }
  const end = wish.unfinished === true ? undefined : finishRestore(shared.targetPath, restoreUid, conflict);
  const all: readonly RestoreTotals[] = end === undefined ? segments : [...segments, end];
  return {
    segments,
    end,
    failures: all.flatMap((totals) => totals.failures.map((failure) => `${failure.path}: ${failure.code}`)),
    kept: all.reduce((sum, totals) => sum + totals.kept, 0),
    files: all.reduce((sum, totals) => sum + totals.files, 0),
  };
};
