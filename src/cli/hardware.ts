import type { BackupServer, Tape, TapeLibrary } from '../api/generated/index.ts';
import { backupServers, tapeLibraries, tapes } from '../api/resources.ts';
import { driveTable, serverTable, tapeTable, type HardwareTableOptions } from './hardware-tables.ts';
import { asTheyAre } from './objects-as-they-are.ts';
import { readList } from './observe.ts';
import type { HardwareKind, TableFormat } from './orders.ts';
import type { Session } from './session.ts';

interface HardwareOrder {
  readonly what: HardwareKind;
  readonly output?: TableFormat;
}

type Found =
  | { readonly what: 'tapes'; readonly kind: 'Tape'; readonly objects: readonly Tape[] }
  | { readonly what: 'drives'; readonly kind: 'TapeLibrary'; readonly objects: readonly TapeLibrary[] }
  | { readonly what: 'servers'; readonly kind: 'BackupServer'; readonly objects: readonly BackupServer[] };

/** @throws CliError, ApiError */
export const showHardware = async (session: Session, { what, output }: HardwareOrder): Promise<number> => {
  const found = await read(session, what);
  const { screen, paint, nowMs } = session;
  if (output === 'json' || output === 'yaml') {
    const { kind, objects } = found;
    screen.print([
      asTheyAre(
        output,
        objects.map((object) => ({ kind, object })),
        false,
      ),
    ]);
  } else if (found.objects.length === 0) screen.print([`no ${what}`]);
  else screen.print(tableOf(found, { paint, nowMs: nowMs(), wide: output === 'wide' }));
  return 0;
};

const read = async ({ api, signal }: Session, what: HardwareKind): Promise<Found> => {
  switch (what) {
    case 'tapes':
      return { what, kind: 'Tape', objects: await readList(api, tapes, undefined, signal) };
    case 'drives':
      return { what, kind: 'TapeLibrary', objects: await readList(api, tapeLibraries, undefined, signal) };
    case 'servers':
      return { what, kind: 'BackupServer', objects: await readList(api, backupServers, undefined, signal) };
  }
};

const tableOf = (found: Found, options: HardwareTableOptions): readonly string[] => {
  switch (found.what) {
    case 'tapes':
      return tapeTable(found.objects, options);
    case 'drives':
      return driveTable(found.objects, options);
    case 'servers':
      return serverTable(found.objects, options);
  }
};
