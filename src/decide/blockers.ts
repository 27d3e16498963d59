/** What stands in the way of a request: the answer to "why does it wait?". Pure. */
import type { Blocker, Holder } from '../api/generated/index.ts';
import type { Free } from './allocate.ts';
import { driveKey, freeFor, type Hardware, type Need } from './hardware.ts';

const maxBlockers = 16;

/** What a request could use if nobody else were there and everything worked, and cannot use now. */
export const blockersOf = (need: Need, hardware: Hardware): Blocker[] => {
  const ever = freeFor(need, hardware, 'ever');
  const now = freeFor(need, hardware, 'now');
  // Tapes come last: there may be very many.
  return [
    ...serverBlockers(ever, now, hardware),
    ...driveBlockers(ever, now, hardware),
    ...switchBlockers(ever, now, hardware),
    ...tapeBlockers(ever, now, hardware),
  ].slice(0, maxBlockers);
};

const serverBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { name } of ever.servers) {
    const status = hardware.servers.find((one) => one.metadata.name === name)?.status;
    if (now.servers.some((one) => one.name === name)) continue;
    blockers.push(...blockedBy('BackupServer', name, status?.state, status?.reason, status?.holders ?? []));
  }
  return blockers;
};

const driveBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { library, name } of ever.drives) {
    if (now.drives.some((one) => one.library === library && one.name === name)) continue;
    const found = hardware.libraries.find((one) => one.metadata.name === library)?.status;
    const drive = found?.drives?.find((one) => one.name === name);
    const holders = drive?.holder === undefined ? [] : [drive.holder];
    const state = found?.state === 'Usable' || found?.state === 'InUse' ? drive?.state : found?.state;
    blockers.push(...blockedBy('Drive', driveKey(library, name), state, drive?.reason ?? found?.reason, holders));
  }
  return blockers;
};

const switchBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { name } of ever.switches) {
    if (now.switches.some((one) => one.name === name)) continue;
    const status = hardware.switches.find((one) => one.metadata.name === name)?.status;
    blockers.push(...blockedBy('FCSwitch', name, status?.state, status?.reason, status?.holders ?? []));
  }
  return blockers;
};

const tapeBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { name } of ever.tapes) {
    if (now.tapes.some((one) => one.name === name)) continue;
    const status = hardware.tapes.find((one) => one.metadata.name === name)?.status;
    const holders = status?.holder === undefined ? [] : [status.holder];
    blockers.push(...blockedBy('Tape', name, status?.state, status?.reason, holders));
  }
  return blockers;
};

const blockedBy = (
  kind: string,
  name: string,
  state: string | undefined,
  reason: string | undefined,
  holders: readonly Holder[],
): Blocker[] => {
  if (holders.length === 0) {
    const why = reason === undefined || reason === '' ? '' : ` (${reason})`;
    return [
      {
        kind,
        name,
        reason: state === 'Usable' ? 'Busy' : 'NotUsable',
        message: `${name} is ${state ?? 'Unknown'}${why}`,
      },
    ];
  }
  return holders.map((holder) => ({
    kind,
    name,
    reason: 'Held',
    message: `${name} is held by ${holder.kind} ${holder.namespace}/${holder.name}, stream ${holder.stream}`,
    holder,
  }));
};
