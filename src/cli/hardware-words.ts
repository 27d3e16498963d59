/** How hardware and who uses it is named in tables. Pure. */
import type { BackupServer, Holder, LibraryDrive, LibraryDriveStatus, TapeLibrary } from '../api/generated/index.ts';

/** `shop/nightly s1`; a restore says that it is one. */
export const holderText = ({ kind, namespace, name, stream }: Holder): string =>
  `${kind === 'Restore' ? 'restore ' : ''}${namespace}/${name} s${String(stream)}`;

export const holdersText = (holders: readonly (Holder | undefined)[]): string => {
  const there = holders.filter((holder) => holder !== undefined);
  return there.length === 0 ? '-' : there.map(holderText).join(', ');
};

/** What was there once is empty, not absent. */
export const orDash = (text: string | number | undefined): string =>
  text === undefined || text === '' ? '-' : String(text);

/** What status and spec say together: taken out of use is told where the status has no word for it. */
export interface Told {
  readonly state: string;
  readonly reason: string;
}

export const toldOf = (
  status: { readonly state?: string; readonly reason?: string } | undefined,
  disabled: boolean | undefined,
): Told => ({
  state: status?.state ?? 'Unknown',
  reason: disabled === true ? 'Disabled' : orDash(status?.reason),
});

export interface DriveSeen {
  readonly library: TapeLibrary;
  readonly drive: LibraryDrive;
  readonly status: LibraryDriveStatus | undefined;
}

export const drivesOf = (libraries: readonly TapeLibrary[]): readonly DriveSeen[] =>
  libraries.flatMap((library) =>
    library.spec.drives.map((drive) => ({
      library,
      drive,
      status: library.status?.drives?.find(({ name }) => name === drive.name),
    })),
  );

export const streamsOf = ({ spec, status }: BackupServer): string =>
  `${String(status?.holders?.length ?? 0)}/${String(spec.maxStreams ?? 1)}`;
