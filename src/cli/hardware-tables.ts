/** The tables of `tapes`, `drives` and `servers`. Pure. */
import type { BackupServer, Tape, TapeLibrary } from '../api/generated/index.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf } from './amounts.ts';
import { drivesOf, holdersText, orDash, streamsOf, toldOf } from './hardware-words.ts';
import { toneOf, type Paint } from './paint.ts';
import { printable } from './printable.ts';
import { formatTable } from './table.ts';

export interface HardwareTableOptions {
  readonly paint: Paint;
  readonly nowMs: number;
  readonly wide: boolean;
}

export const tapeTable = (given: readonly Tape[], { paint, nowMs, wide }: HardwareTableOptions): readonly string[] => {
  const header = ['NAME', 'LIBRARY', 'PLACE', 'POOL', 'STATE', 'USED BY', 'USED', 'FREE', 'GROUPS', 'ERRORS', 'REASON'];
  const rows = printable(given).map(({ metadata, spec, status = {} }) => {
    const { state, reason } = toldOf(status, spec.disabled);
    const { usedBytes, capacityBytes, retainUntil, keepForever, lastUsed, labelId, message } = status;
    return [
      metadata.name,
      orDash(spec.library),
      placeOf(status),
      spec.pool,
      paint(toneOf(state), state),
      holdersText([status.holder]),
      usedBytes === undefined ? '-' : formatBytes(usedBytes),
      capacityBytes === undefined ? '-' : formatBytes(Math.max(0, capacityBytes - (usedBytes ?? 0))),
      orDash(status.groups),
      String(status.errors ?? 0),
      reason,
      ...(wide
        ? [keepForever ? 'for ever' : orDash(retainUntil), agoOf(lastUsed, nowMs), orDash(labelId), orDash(message)]
        : []),
    ];
  });
  return formatTable([...header, ...(wide ? ['RETAIN UNTIL', 'LAST USED', 'LABEL', 'MESSAGE'] : [])], rows);
};

const placeOf = ({ drive, slot }: NonNullable<Tape['status']>): string => {
  if (drive !== undefined && drive !== '') return drive;
  return slot === undefined ? '-' : `slot ${String(slot)}`;
};

const agoOf = (time: string | undefined, nowMs: number): string => {
  const age = ageOf(time, nowMs);
  return age === undefined ? '-' : `${age} ago`;
};

export const driveTable = (
  given: readonly TapeLibrary[],
  { paint, nowMs, wide }: HardwareTableOptions,
): readonly string[] => {
  const header = ['LIBRARY', 'DRIVE', 'STATE', 'TAPE', 'USED BY', 'ERRORS', 'ALERTS', 'REASON'];
  const rows = drivesOf(printable(given)).map(({ library, drive, status }) => {
    const whole = library.status?.state;
    const lost = whole !== 'Usable' && whole !== 'InUse';
    const { state, reason } = toldOf(status, drive.disabled || library.spec.disabled);
    // A drive is of no more use than its library.
    const why = reason === '-' && lost ? orDash(library.status?.reason) : reason;
    return [
      library.metadata.name,
      drive.name,
      paint(toneOf(state), state),
      orDash(status?.loadedTape),
      holdersText([status?.holder]),
      String(status?.errors ?? 0),
      String(status?.alerts?.length ?? 0),
      why,
      ...(wide ? [String(drive.elementAddress), agoOf(status?.lastUsed, nowMs), orDash(status?.message)] : []),
    ];
  });
  return formatTable([...header, ...(wide ? ['ELEMENT', 'LAST USED', 'MESSAGE'] : [])], rows);
};

export const serverTable = (
  given: readonly BackupServer[],
  { paint, nowMs, wide }: HardwareTableOptions,
): readonly string[] => {
  const header = ['NAME', 'NODE', 'STATE', 'STREAMS', 'USED BY', 'REASON', 'AGE'];
  const rows = printable(given).map((server) => {
    const { metadata, spec, status = {} } = server;
    const { state, reason } = toldOf(status, spec.disabled);
    const catalogue =
      spec.catalogueFolder?.hostPath?.path ?? spec.catalogueFolder?.persistentVolumeClaim?.claimName ?? '-';
    return [
      metadata.name,
      spec.node,
      paint(toneOf(state), state),
      streamsOf(server),
      holdersText(status.holders ?? []),
      reason,
      ageOf(metadata.creationTimestamp, nowMs) ?? '-',
      ...(wide ? [catalogue, orDash(status.message)] : []),
    ];
  });
  return formatTable([...header, ...(wide ? ['CATALOGUE', 'MESSAGE'] : [])], rows);
};
