/** What `describe` tells of hardware, schedules, pools and records. Pure. */
import type {
  BackupSaveRecord,
  BackupSchedule,
  BackupServer,
  FCSwitch,
  MediaPool,
  Tape,
  TapeLibrary,
} from '../api/generated/index.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf, count } from './amounts.ts';
import { driveTable, type HardwareTableOptions } from './hardware-tables.ts';
import { holderText, orDash, streamsOf } from './hardware-words.ts';
import type { Part } from './story.ts';

/** [name, what]; without a text it is left out. */
export type Fact = readonly [string, string | undefined];

export interface Told {
  readonly facts: readonly Fact[];
  readonly parts: readonly Part[];
}

export const serverStory = (server: BackupServer): Told => {
  const { spec, status = {} } = server;
  const { hostPath, persistentVolumeClaim } = spec.catalogueFolder ?? {};
  const claim = persistentVolumeClaim && `claim ${persistentVolumeClaim.claimName}`;
  return {
    facts: [
      ['node', spec.node],
      ['streams', streamsOf(server)],
      ['catalogue', hostPath?.path ?? claim],
      ['machine', status.machineID],
    ],
    parts: [
      usedBy(status.holders),
      {
        title: 'Folders',
        lines: (spec.hostPaths ?? []).map(
          ({ prefix, namespaces, readOnly }) =>
            `${prefix} for ${namespaces.join(', ')}${readOnly === false ? ', restores too' : ''}`,
        ),
      },
    ],
  };
};

const usedBy = (holders: NonNullable<BackupServer['status']>['holders'] = []): Part => ({
  title: 'Used by',
  lines: holders.map(holderText),
});

export const libraryStory = (library: TapeLibrary, options: HardwareTableOptions): Told => {
  const { spec, status = {} } = library;
  const { slots, lastInventory, changerHolder } = status;
  const seen = ageOf(lastInventory, options.nowMs);
  return {
    facts: [
      ['driver', spec.driver.virtual === undefined ? 'scsi' : `virtual, in ${orDash(spec.driver.virtual.folder)}`],
      ['slots', slots && `${String(slots.occupied ?? 0)} of ${String(slots.total ?? 0)} hold a tape`],
      ['inventory', seen === undefined ? 'none yet' : `${seen} ago`],
      ['robot', changerHolder && `moved by ${changerHolder.pod}`],
    ],
    parts: [{ title: 'Drives', lines: driveTable([library], { ...options, wide: true }) }],
  };
};

export const tapeStory = ({ spec, status = {} }: Tape, nowMs: number): Told => {
  const { usedBytes = 0, capacityBytes, slot, drive, lastUsed, retainUntil, keepForever } = status;
  const used = ageOf(lastUsed, nowMs);
  return {
    facts: [
      ['barcode', spec.barcode],
      ['library', spec.library],
      ['place', drive === undefined || drive === '' ? slot && `slot ${String(slot)}` : drive],
      ['pool', spec.pool],
      ['full', capacityBytes && `${formatBytes(usedBytes)} of ${formatBytes(capacityBytes)}`],
      ['groups', status.groups?.toString()],
      ['label', status.labelId],
      ['kept', keepForever ? 'for ever' : retainUntil && `until ${retainUntil}`],
      ['last used', used && `${used} ago`],
      ['errors', status.errors?.toString()],
    ].map(([name = '', text]): Fact => [String(name), text === undefined || text === 0 ? undefined : String(text)]),
    parts: [usedBy(status.holder === undefined ? [] : [status.holder])],
  };
};

export const switchStory = ({ spec, status = {} }: FCSwitch): Told => ({
  facts: [
    ['driver', spec.driver],
    ['fabric', spec.fabric],
  ],
  parts: [usedBy(status.holders), { title: 'Zones', lines: (status.zones ?? []).map(({ name }) => name) }],
});

export const scheduleStory = ({ spec, status = {} }: BackupSchedule, nowMs: number): Told => {
  const agoOf = (time: string | undefined): string | undefined => {
    const age = ageOf(time, nowMs);
    return age && `${age} ago`;
  };
  return {
    facts: [
      ['when', `${spec.schedule}${spec.timeZone === undefined ? '' : ` (${spec.timeZone})`}`],
      ['suspended', spec.suspend ? 'yes' : undefined],
      ['next', status.nextScheduleTime],
      ['last', agoOf(status.lastScheduleTime)],
      ['last success', agoOf(status.lastSuccessfulTime)],
    ],
    parts: [{ title: 'Running', lines: (status.active ?? []).map(({ name }) => `backupjob/${name}`) }],
  };
};

export const poolStory = ({ spec, status = {} }: MediaPool): Told => {
  const { tapes = {}, freeBytes } = status;
  const counts = Object.entries(tapes).filter(([, number]) => number > 0);
  return {
    facts: [
      ['for', spec.allowedNamespaces.join(', ')],
      ['tapes', counts.map(([state, number]) => `${String(number)} ${state}`).join(', ')],
      ['free', freeBytes === undefined ? undefined : formatBytes(freeBytes)],
      ['retention', spec.retention?.keepFor],
    ],
    parts: [],
  };
};

export const recordStory = ({ spec, status = {} }: BackupSaveRecord): Told => {
  const { totals = {}, areas = [], endTime } = status;
  const ended = endTime !== undefined;
  return {
    facts: [
      ['of', `${spec.job.kind} ${spec.job.namespace}/${spec.job.name}, process ${String(spec.job.processNumber)}`],
      ['type', spec.stream === undefined ? spec.type : `${spec.type} ${String(spec.stream)}`],
      ['outcome', status.outcome],
      ['now', ended ? undefined : status.activity],
      ['holds', `${count(totals.segments ?? 0, 'segment')}, ${formatBytes(totals.bytes ?? 0)}`],
      ['kept', status.retainUntil && `until ${status.retainUntil}`],
    ],
    parts: [
      {
        title: 'Areas',
        lines: areas.map(
          ({ firstSegment, lastSegment, library, barcode, bytes = 0 }) =>
            `segments ${String(firstSegment)}–${String(lastSegment)} on ${library}, tape ${barcode}, ${formatBytes(bytes)}`,
        ),
      },
    ],
  };
};
