import { ejectTape, insertTape } from '../devices/changer/by-hand.ts';
import { tapeFolder } from '../devices/changer/library-folder.ts';
import { exportTape, listTapes, type ListedTape } from '../tape/export.ts';
import { formatBytes } from '../decide/units.ts';
import { count } from './amounts.ts';
import { toneOf, type Paint } from './paint.ts';
import { formatTable } from './table.ts';

/** The table of `tape list`. Reads only. @throws NotAVirtualLibrary */
export const describeTapes = (libraryFolder: string, paint: Paint): readonly string[] => {
  const tapes = listTapes({ libraryFolder });
  if (tapes.length === 0) return [`${libraryFolder} holds no tapes`];
  return formatTable(
    ['BARCODE', 'PLACE', 'STATE', 'LABEL', 'LABELLED', 'GROUPS', 'USED', 'CAPACITY'],
    tapes.map((tape) => rowOf(tape, paint)),
  );
};

const rowOf = (tape: ListedTape, paint: Paint): readonly string[] => {
  const state = stateOf(tape);
  return [
    tape.barcode,
    placeOf(tape),
    paint(toneOf(state === 'Foreign' ? 'NotUsable' : state), state),
    tape.labelId ?? '-',
    tape.labelledAt?.toISOString().slice(0, 16).replace('T', ' ') ?? '-',
    tape.label === 'twinreel' ? String(groupsOf(tape)) : '-',
    formatBytes(tape.usedBytes),
    formatBytes(tape.capacityBytes),
  ];
};

const placeOf = ({ address, drive }: ListedTape): string => {
  if (drive !== undefined) return `drive ${drive}`;
  return address === undefined ? 'outside' : `slot ${address}`;
};

export type TapeState = 'Blank' | 'Foreign' | 'Empty' | 'Written' | 'NearEnd';

/** As far as the cartridge itself tells; what the cluster knows of it stands in its Tape object. Pure. */
export const stateOf = (tape: Omit<ListedTape, 'folder'>): TapeState => {
  if (tape.label === 'blank') return 'Blank';
  if (tape.label === 'other') return 'Foreign';
  if (tape.usedBytes >= tape.capacityBytes - tape.earlyWarningBytes) return 'NearEnd';
  return groupsOf(tape) === 0 ? 'Empty' : 'Written';
};

/** Tape file 0 is the label, three files make a group; one that is still being written does not count. */
const groupsOf = ({ tapeFiles }: Pick<ListedTape, 'tapeFiles'>): number => Math.max(0, Math.floor((tapeFiles - 1) / 3));

/** Does `tape export` and says what was done. @throws ExportError, NotAVirtualLibrary */
export const exportTo = (libraryFolder: string, barcode: string, out: string): readonly string[] => {
  const { barcode: found, files, bytes } = exportTape({ libraryFolder, barcode, out });
  const last = String(Math.max(0, files - 1)).padStart(5, '0');
  const names = files === 0 ? '' : `: 00000 to ${last}`;
  return [`${found}: ${count(files, 'tape file')}, ${formatBytes(bytes)}, in ${out}${names}`];
};

const lookThrough =
  'have the library looked through: kubectl annotate tapelibrary NAME twinreel.io/inventory=… --overwrite';

/** Does `tape eject` and says what was done. @throws ByHandError, NotAVirtualLibrary */
export const eject = async (libraryFolder: string, barcode: string): Promise<readonly string[]> => {
  const address = await ejectTape(libraryFolder, barcode);
  return [
    `${barcode.toUpperCase()} was in slot ${address} and is outside now, in ${tapeFolder(libraryFolder, barcode.toUpperCase())}`,
    lookThrough,
  ];
};

/** Does `tape insert` and says what was done. @throws ByHandError, NotAVirtualLibrary */
export const insert = async (libraryFolder: string, barcode: string, slot?: number): Promise<readonly string[]> => {
  const address = await insertTape(libraryFolder, barcode, slot);
  return [`${barcode.toUpperCase()} is in slot ${address}`, lookThrough];
};
