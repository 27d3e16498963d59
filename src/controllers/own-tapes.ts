/** On which tapes each stream of a job has written: those that it may go on with when the job is resumed. */
import type { BackupJob } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupSaveRecords } from '../api/resources.ts';
import type { OwnTape } from '../decide/allocation/hardware.ts';
import { waitsForFirstSet } from '../decide/grant/grant.ts';
import type { Deps } from './deps.ts';

/** Read from the API: the records of a suspended job are in no cache. */
export const readOwnTapes = async (
  { api, settings }: Deps,
  { metadata, status }: BackupJob,
  signal: AbortSignal,
): Promise<readonly OwnTape[]> => {
  // A stream that is replaced goes on elsewhere: its tape may be what failed.
  if (!waitsForFirstSet(status) || (status?.avoid?.tapes ?? []).length === 0) return [];
  const labelSelector = `${labels.jobUid}=${metadata.uid ?? ''},${labels.type}=Stream`;
  const { items } = await api.list(backupSaveRecords, { namespace: settings.namespace, labelSelector }, signal);
  return items.flatMap(({ spec, status: head }) =>
    spec.stream === undefined ? [] : ownTapesOf(spec.stream, head?.areas ?? []),
  );
};

const ownTapesOf = (stream: number, areas: readonly { readonly tape: string }[]): readonly OwnTape[] =>
  [...new Set(areas.map(({ tape }) => tape))].map((tape) => ({ stream, tape }));
