/** The kinds of Twinreel, and those of Kubernetes that it touches, as the API addresses them. */
import type { KubeObject, Resource } from '../kube/api.ts';
import type {
  BackupJob,
  BackupSaveRecord,
  BackupSchedule,
  BackupServer,
  CopyDevice,
  FCSwitch,
  MediaPool,
  Restore,
  SavePage,
  Tape,
  TapeLibrary,
} from './generated/index.ts';

export const group = 'twinreel.io';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

const namespaced = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
});

const clusterScoped = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced: false,
});

export const backupJobs = namespaced<BackupJob>('BackupJob', 'backupjobs');
export const backupSchedules = namespaced<BackupSchedule>('BackupSchedule', 'backupschedules');
export const restores = namespaced<Restore>('Restore', 'restores');
export const backupSaveRecords = namespaced<BackupSaveRecord>('BackupSaveRecord', 'backupsaverecords');
export const savePages = namespaced<SavePage>('SavePage', 'savepages');
export const backupServers = clusterScoped<BackupServer>('BackupServer', 'backupservers');
export const tapeLibraries = clusterScoped<TapeLibrary>('TapeLibrary', 'tapelibraries');
export const tapes = clusterScoped<Tape>('Tape', 'tapes');
export const fcSwitches = clusterScoped<FCSwitch>('FCSwitch', 'fcswitches');
export const copyDevices = clusterScoped<CopyDevice>('CopyDevice', 'copydevices');
export const mediaPools = clusterScoped<MediaPool>('MediaPool', 'mediapools');

/** Every kind of ours. */
export const resources = [
  backupJobs,
  backupSchedules,
  restores,
  backupSaveRecords,
  savePages,
  backupServers,
  tapeLibraries,
  tapes,
  fcSwitches,
  copyDevices,
  mediaPools,
] as const;
