/**
 * Can a tape be had by a restore: now, later, or only when something is mended? Asked before a restore commits itself to
 * a copy, in the words of the allocator, so that both give the same answer. Pure.
 */
import type { BackupServer, Restore, Tape, TapeLibrary } from '../api/generated/index.ts';
import { allocate } from './allocate.ts';
import type { Shortage } from './allocate.ts';
import { freeFor } from './hardware.ts';
import type { Hardware, Horizon, Need } from './hardware.ts';

export type Outlook =
  /** The allocator could grant it in this moment. */
  | { readonly kind: 'now' }
  /** Everything works; somebody else uses it. */
  | { readonly kind: 'later' }
  /** Only when what is broken was mended. */
  | { readonly kind: 'mended' }
  /** Not by waiting, nor by mending. */
  | { readonly kind: 'never'; readonly shortage: Shortage };

export type OutlookOf = (tape: string) => Outlook;

/** What a restore asks for in order to read one tape. */
export const restoreNeed = ({ metadata, spec, status }: Restore, tape: string): Need => {
  const path = spec.target.hostPath;
  return {
    namespace: metadata.namespace ?? '',
    ...(path === undefined ? {} : { hostPath: { path: path.path, write: true } }),
    ...(status?.machineID === undefined ? {} : { machineId: status.machineID }),
    tapes: { kind: 'tape', name: tape },
    avoid: status?.avoid ?? {},
  };
};

/** Each tape is looked at once, however many segments it holds. */
export const outlookOf = (restore: Restore, hardware: Hardware): OutlookOf => {
  const known = new Map<string, Outlook>();
  return (tape) => {
    const found = known.get(tape) ?? judgeTape(tape, restoreNeed(restore, tape), hardware);
    known.set(tape, found);
    return found;
  };
};

const judgeTape = (name: string, need: Need, hardware: Hardware): Outlook => {
  const gone = goneReason(hardware.tapes.find(({ metadata }) => metadata.name === name));
  if (gone !== undefined) return { kind: 'never', shortage: { reason: 'NoUsableTape', message: `${name} ${gone}` } };
  if ((need.avoid.tapes ?? []).includes(name))
    return { kind: 'never', shortage: { reason: 'NoUsableTape', message: `${name} has failed this restore` } };
  const shortage = (seen: Hardware, horizon: Horizon): Shortage | undefined => {
    const found = allocate({ streams: [0], disjointness, neighbours: [] }, freeFor(need, seen, horizon));
    return found.ok ? undefined : found.shortage;
  };
  if (shortage(hardware, 'now') === undefined) return { kind: 'now' };
  if (shortage(withoutHolders(hardware), 'now') === undefined) return { kind: 'later' };
  const ever = shortage(hardware, 'ever');
  return ever === undefined ? { kind: 'mended' } : { kind: 'never', shortage: ever };
};

const disjointness = { server: 'Preferred', library: 'Preferred', switch: 'Preferred' } as const;

/** A tape that is somewhere else, or not what it should be, does not come by itself. */
const goneReason = (tape: Tape | undefined): string | undefined => {
  if (tape === undefined) return 'is not known any more';
  if (tape.spec.disabled === true) return 'is disabled';
  switch (tape.status?.state) {
    case 'Scratch':
    case 'Usable':
    case 'InUse':
    case 'Full':
      return undefined;
    case 'NotUsable':
    case 'Foreign':
    case 'Exported':
    case 'Unknown':
    case undefined:
      return `is ${tape.status?.state ?? 'Unknown'}`;
  }
};

const withoutHolders = (hardware: Hardware): Hardware => ({
  ...hardware,
  servers: hardware.servers.map(released),
  switches: hardware.switches.map(released),
  libraries: hardware.libraries.map(withFreeDrives),
  tapes: hardware.tapes.map(withoutHolder),
});

const released = <T extends { readonly status?: BackupServer['status'] | Hardware['switches'][number]['status'] }>(
  one: T,
): T => (one.status === undefined ? one : { ...one, status: { ...one.status, holders: [] } });

const withoutHolder = (tape: Tape): Tape => {
  const { holder: _holder, ...status } = tape.status ?? {};
  return { ...tape, status };
};

/** A drive that holds a tape nobody works with is being emptied. */
const withFreeDrives = (library: TapeLibrary): TapeLibrary => {
  const drives = (library.status?.drives ?? []).map(({ holder: _holder, loadedTape: _loaded, ...drive }) =>
    drive.state === 'InUse' ? { ...drive, state: 'Usable' as const } : drive,
  );
  return { ...library, status: { ...library.status, drives } };
};
