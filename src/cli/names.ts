/** What a name on the command line may mean. */
import {
  backupJobs,
  backupSaveRecords,
  backupSchedules,
  backupServers,
  copyDevices,
  fcSwitches,
  mediaPools,
  restores,
  tapeLibraries,
  tapes,
} from '../api/resources.ts';
import { CliError } from './cli-error.ts';

/** By singular, plural, short names; all in small letters. */
const prefixes: Readonly<Record<string, readonly string[]>> = {
  backupjobs: ['backupjob', 'bj', 'job'],
  restores: ['restore', 'rst'],
  backupschedules: ['backupschedule', 'schedule', 'bs'],
  backupservers: ['backupserver', 'server', 'bsv'],
  tapelibraries: ['tapelibrary', 'library', 'tl'],
  tapes: ['tape', 'tp'],
  fcswitches: ['fcswitch', 'switch', 'fcs'],
  copydevices: ['copydevice', 'cd'],
  mediapools: ['mediapool', 'pool', 'mp'],
  backupsaverecords: ['backupsaverecord', 'record', 'bsr'],
};

export const describedKinds = {
  backupjobs: backupJobs,
  restores,
  backupschedules: backupSchedules,
  backupservers: backupServers,
  tapelibraries: tapeLibraries,
  tapes,
  fcswitches: fcSwitches,
  copydevices: copyDevices,
  mediapools: mediaPools,
  backupsaverecords: backupSaveRecords,
} as const;

export type KindName = keyof typeof describedKinds;

const isKindName = (text: string): text is KindName => Object.hasOwn(describedKinds, text);

/** The kind that a prefix such as `bj`, `BackupJob` or `backupjobs.twinreel.io` means. Pure. */
export const kindOfPrefix = (prefix: string): KindName | undefined => {
  const word = prefix.toLowerCase().split('.')[0] ?? '';
  const kind = Object.entries(prefixes).find(([plural, others]) => plural === word || others.includes(word))?.[0];
  return kind !== undefined && isKindName(kind) ? kind : undefined;
};

/** `server/server-0`: what kind, what name; undefined where no kind is given. @throws CliError */
export const parseKindName = (text: string): { readonly kind: KindName; readonly name: string } | undefined => {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const kind = kindOfPrefix(text.slice(0, slash));
  const name = text.slice(slash + 1);
  if (kind === undefined || name === '')
    throw new CliError('WrongArgument', `${text}: write KIND/NAME, KIND one of ${known.join(', ')}`);
  return { kind, name };
};

const known = ['backupjob', 'restore', 'schedule', 'server', 'library', 'tape', 'switch', 'pool', 'record'];
