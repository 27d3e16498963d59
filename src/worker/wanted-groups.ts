import type { Commit } from '../api/generated/shared.ts';
import { pageName } from '../api/names.ts';
import { backupSaveRecords, savePages } from '../api/resources.ts';
import type { RestoreOrder, VerifyOrder } from '../api/worker-order.ts';
import type { Api } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';
import type { WantedGroup } from './restore-protocol.ts';

type ReadingOrder = RestoreOrder | VerifyOrder;

export interface WantedCopy extends WantedGroup {
  readonly compression: 'N' | 'Z';
  readonly encrypted: boolean;
}

/** The copies on this tape of the segments that the order names, in the order's order; newest copy of each first. */
export const findWantedGroups = async (
  api: Api,
  order: ReadingOrder,
  signal: AbortSignal,
): Promise<readonly (readonly WantedCopy[])[]> => {
  const copies = new Map<number, (WantedCopy & { readonly epoch: number })[]>();
  const isWanted = (n: number): boolean => order.segments.some(({ first, last }) => first <= n && n <= last);
  for (const record of order.commitRecords) {
    for await (const [n, commit] of readCommits(api, order.operatorNamespace, record, signal)) {
      if (!isWanted(n) || commit.barcode !== order.tape.barcode || commit.labelId !== order.tape.labelId) continue;
      copies.set(n, [...(copies.get(n) ?? []), { ...wantedOf(n, commit, order), epoch: commit.epoch }]);
    }
  }
  return inOrder(order, copies);
};

async function* readCommits(
  api: Api,
  namespace: string,
  record: string,
  signal: AbortSignal,
): AsyncGenerator<readonly [number, Commit], void> {
  const head = await api.get(backupSaveRecords, { namespace, name: record }, signal);
  for (let n = 0; n < (head.status?.pages ?? 0); n += 1) {
    const page = await getIfPresent(api, savePages, { namespace, name: pageName(record, n) }, signal);
    for (const [segment, commit] of Object.entries(page?.status?.commits ?? {})) yield [Number(segment), commit];
  }
}

const wantedOf = (segment: number, commit: Commit, order: ReadingOrder): WantedCopy => {
  const { group, sha256, encoding = 'NN', kind = 'D' } = commit;
  return {
    ...{ segment, group, sha256 },
    kind: kind === 'L' ? 'links' : 'data',
    uid: order.backup.uid,
    compression: encoding.startsWith('Z') ? 'Z' : 'N',
    encrypted: encoding.endsWith('A'),
  };
};

const inOrder = (
  order: ReadingOrder,
  copies: ReadonlyMap<number, readonly (WantedCopy & { readonly epoch: number })[]>,
): readonly (readonly WantedCopy[])[] => {
  const numbers = [...copies.keys()].sort((a, b) => a - b);
  return order.segments.flatMap(({ first, last }) =>
    numbers
      .filter((n) => first <= n && n <= last)
      .map((n) => [...(copies.get(n) ?? [])].sort((a, b) => b.epoch - a.epoch || b.group - a.group)),
  );
};
