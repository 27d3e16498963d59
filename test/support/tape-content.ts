/** What truly stands on a virtual tape, read from its exported files alone. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  decodeGroupHeader,
  decodeTrailers,
  type DecodedTrailers,
  type GroupHeader,
} from '../../src/tape/group-labels.ts';
import { decodeLabel, type Label } from '../../src/tape/labels.ts';
import { exportTape } from '../../src/tape/export.ts';

export interface TapeGroup {
  readonly group: number;
  readonly header: GroupHeader | undefined;
  readonly trailers: DecodedTrailers | undefined;
  readonly payload: string;
  readonly payloadBytes: number;
  /** Of the payload as it stands there. */
  readonly sha256: string;
}

const labelBytes = 80;

const labelsIn = (file: string): readonly Label[] => {
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  return Array.from({ length: Math.floor(bytes.length / labelBytes) }, (_, at) =>
    decodeLabel(bytes.subarray(at * labelBytes, (at + 1) * labelBytes)),
  ).filter((label) => label !== undefined);
};

/** Exports a tape into `out`, which is made anew, and reads every group of it. */
export const readTape = (libraryFolder: string, barcode: string, out: string): readonly TapeGroup[] => {
  rmSync(out, { recursive: true, force: true });
  const { files } = exportTape({ libraryFolder, barcode, out });
  const name = (number: number): string => path.join(out, String(number).padStart(5, '0'));
  return Array.from({ length: Math.ceil((files - 1) / 3) }, (_, group) => {
    const payload = name(3 * group + 2);
    const there = existsSync(payload);
    return {
      group,
      header: decodeGroupHeader(labelsIn(name(3 * group + 1))),
      trailers: decodeTrailers(labelsIn(name(3 * group + 3))),
      payload,
      payloadBytes: there ? statSync(payload).size : 0,
      sha256: there ? createHash('sha256').update(readFileSync(payload)).digest('hex') : '',
    };
  });
};

export const isWhole = ({ trailers }: TapeGroup): boolean => trailers?.outcome === 'WHOLE';
