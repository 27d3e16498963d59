/** One change of an object in one line, for traces. */
import type {
  BackupJob,
  BackupSaveRecord,
  BackupServer,
  Grant,
  Holder,
  SavePage,
  Tape,
  TapeLibrary,
} from '../../src/api/generated/index.ts';
import { uid8 } from '../../src/api/names.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import type { Change } from './api-server.ts';

export const describeChange = ({ plural, type, object }: Change): string => {
  const { name = '', resourceVersion = '' } = object.metadata ?? {};
  const deleting = object.metadata?.deletionTimestamp === undefined ? '' : ' deleting';
  const verb = type === 'MODIFIED' ? '' : ` ${type}`;
  return `  ${plural}/${name}@${resourceVersion}${verb}${deleting} ${detailOf(plural, object)}`;
};

const holderText = (holder: Holder | undefined): string =>
  holder === undefined ? '-' : `${uid8(holder.uid)}/s${holder.stream}e${holder.epoch}`;

const grantText = (grant: Grant): string =>
  `s${grant.number}e${grant.epoch}:${grant.state}` +
  `${grant.zoned === true ? '+z' : ''}${grant.loaded === true ? '+l' : ''}${grant.unloaded === true ? '+u' : ''}` +
  `${grant.drive === undefined ? '' : `[${grant.server ?? ''} ${grant.library ?? ''}/${grant.drive} ${grant.tape ?? ''}]`}`;

const detailOf = (plural: string, object: Change['object']): string => {
  switch (plural) {
    case 'backupjobs': {
      const { status, metadata } = object as BackupJob;
      const retired = (status?.retired ?? []).map(grantText).join(' ');
      const streams = (status?.streams ?? []).map(grantText).join(' ');
      const ending = status?.ending === undefined ? '' : ` ending=${status.ending.result}/${status.ending.reason}`;
      return `${uid8(metadata.uid ?? '')} ${status?.phase ?? ''}${ending} ${streams}${retired === '' ? '' : ` | ${retired}`} ${status?.reason ?? ''}`;
    }
    case 'tapelibraries':
      return ((object as TapeLibrary).status?.drives ?? [])
        .map(
          ({ name, state, holder, loadedTape }) => `${name}:${state ?? ''}:${holderText(holder)}:${loadedTape ?? ''}`,
        )
        .join(' ');
    case 'tapes': {
      const { status } = object as Tape;
      return `${status?.state ?? ''}/${status?.freeState ?? ''} ${holderText(status?.holder)}`;
    }
    case 'backupservers':
    case 'fcswitches': {
      const { status } = object as BackupServer;
      return `${status?.state ?? ''} ${(status?.holders ?? []).map(holderText).join(' ')}`;
    }
    case 'backupsaverecords': {
      const { status } = object as BackupSaveRecord;
      if (status?.plan !== undefined) return JSON.stringify(status.plan);
      return `e${status?.epoch ?? 0} ${status?.sealed === true ? 'sealed ' : ''}${status?.close === true ? 'close ' : ''}${status?.activity ?? ''} assigned=${JSON.stringify(status?.assigned ?? [])} open=${status?.openSegment ?? '-'}`;
    }
    case 'savepages': {
      const { status } = object as SavePage;
      return `${status?.sealed === true ? 'sealed ' : ''}${Object.keys(status?.commits ?? {}).join()}`;
    }
    case 'pods': {
      const state = (object as Pod).status?.containerStatuses?.[0]?.state;
      const end = state?.terminated === undefined ? '' : ` exit ${state.terminated.exitCode}`;
      return `${state === undefined ? 'new' : Object.keys(state).join()}${end} ${(object.metadata?.finalizers ?? []).join()}`;
    }
    default:
      return '';
  }
};
