/** Breaks a drive of a virtual library at a chosen byte. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Grant } from '../../src/api/generated/index.ts';
import { readFaultNotes } from '../../src/devices/drive/drive-faults.ts';
import type { Cluster } from './cluster.ts';

export interface PlantedFault {
  /** `library-0/drive-1`. */
  readonly drive: string;
  readonly libraryFolder: string;
  readonly file: string;
  readonly afterBytes: number;
  /** What stands in the file. */
  readonly text: string;
}

/** Virtual libraries number their drives' elements from here. */
const firstDriveElement = 256;

/**
 * The drive that the stream uses now fails a write once it has moved so many more bytes.
 * @returns undefined while the stream has no drive
 */
export function plantWriteError(cluster: Cluster, grant: Grant, afterBytes: number): PlantedFault | undefined {
  const { library, drive, driveElement } = grant;
  if (library === undefined || drive === undefined || driveElement === undefined) return undefined;
  const libraryFolder = cluster.libraryFolder(library);
  const file = path.join(libraryFolder, 'faults.yaml');
  const text = stringify([{ drive: driveElement - firstDriveElement, kind: 'writeError', afterBytes, times: 1 }]);
  writeFileSync(file, text);
  return { drive: `${library}/${drive}`, libraryFolder, file, afterBytes, text };
}

export interface FaultStruck {
  readonly at: Date;
  readonly movedBytes: number;
}

/** @returns when the fault has struck; undefined: not yet */
export function readStruck({ libraryFolder }: PlantedFault): FaultStruck | undefined {
  for (const note of readFaultNotes(libraryFolder)) {
    if ('kind' in note && note.kind === 'writeError') return { at: new Date(note.at), movedBytes: note.movedBytes };
  }
  return undefined;
}
