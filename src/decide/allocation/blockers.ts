/** What stands in the way of a request: the answer to "why does it wait?". Pure. */
import type { Blocker, Holder, TapeLibrary } from '../../api/generated/index.ts';
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
    const found = hardware.servers.find((one) => one.metadata.name === name);
    if (now.servers.some((one) => one.name === name)) continue;
    blockers.push(...blockersAt('BackupServer', name, found?.spec.disabled, found?.status));
  }
  return blockers;
};

/** Only of libraries that have a tape for it: the others' drives are of no use to it, held or not. */
const driveBlockers = (ever: Free, now: Free, { libraries }: Hardware): readonly Blocker[] => {
  const withTapes = new Set(ever.tapes.map(({ library }) => library));
  const blockers: Blocker[] = [];
  for (const { library, name } of ever.drives) {
    if (!withTapes.has(library) || now.drives.some((one) => one.library === library && one.name === name)) continue;
    const found = libraries.find((one) => one.metadata.name === library);
    blockers.push(...driveBlocker(found, driveKey(library, name), name));
  }
  return blockers;
};

const driveBlocker = (found: TapeLibrary | undefined, key: string, name: string): readonly Blocker[] => {
  const declared = found?.spec.drives.find((one) => one.name === name);
  const disabled = found?.spec.disabled === true || declared?.disabled === true;
  const { status } = found ?? {};
  const drive = status?.drives?.find((one) => one.name === name);
  const holders = drive?.holder === undefined ? [] : [drive.holder];
  const state = status?.state === 'Usable' || status?.state === 'InUse' ? drive?.state : status?.state;
  return blockersAt('Drive', key, disabled, { state, reason: drive?.reason ?? status?.reason, holders });
};

const switchBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { name } of ever.switches) {
    if (now.switches.some((one) => one.name === name)) continue;
    const found = hardware.switches.find((one) => one.metadata.name === name);
    blockers.push(...blockersAt('FCSwitch', name, found?.spec.disabled, found?.status));
  }
  return blockers;
};

const tapeBlockers = (ever: Free, now: Free, hardware: Hardware): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  for (const { name } of ever.tapes) {
    if (now.tapes.some((one) => one.name === name)) continue;
    const { state, reason, holder } = hardware.tapes.find((one) => one.metadata.name === name)?.status ?? {};
    const holders = holder === undefined ? [] : [holder];
    // One that is taken out of use is no tape that a request could ever have.
    blockers.push(...blockersAt('Tape', name, false, { state, reason, holders }));
  }
  return blockers;
};

interface Found {
  readonly state?: string | undefined;
  readonly reason?: string | undefined;
  readonly holders?: readonly Holder[];
}

/** Where it is taken out of use, whoever holds it may end, but it is not had then either. */
const blockersAt = (kind: string, name: string, disabled: boolean | undefined, found: Found = {}): Blocker[] => {
  const { state, reason, holders = [] } = found;
  if (disabled === true) {
    return [{ kind, name, reason: 'Disabled', message: `${name} is taken out of use (spec.disabled)` }];
  }
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
