import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportTape } from '../../src/tape/export.ts';

const probeBytes = 4096;

/**
 * Turns one byte in the middle of a group's payload, in the file that is the virtual tape: what a medium does that
 * ages. The tape must not be loaded.
 */
export const corruptPayload = (libraryFolder: string, barcode: string, group: number): void => {
  const out = mkdtempSync(path.join(tmpdir(), 'twinreel-corrupt-'));
  try {
    exportTape({ libraryFolder, barcode, out });
    const payload = readFileSync(path.join(out, String(3 * group + 2).padStart(5, '0')));
    const middle = Math.floor(payload.length / 2 / probeBytes) * probeBytes;
    flipWhere(path.join(libraryFolder, 'tapes', barcode, 'data'), payload.subarray(middle, middle + probeBytes));
  } finally {
    rmSync(out, { recursive: true });
  }
};

/** Payload begins at a multiple of 4,096 in the data file, so that a probe is found by steps of that. */
const flipWhere = (file: string, probe: Buffer): void => {
  const fd = openSync(file, 'r+');
  try {
    const chunk = Buffer.alloc(probeBytes);
    for (let position = 0; readSync(fd, chunk, 0, probeBytes, position) === probeBytes; position += probeBytes) {
      if (!chunk.equals(probe)) continue;
      writeSync(fd, Buffer.from([(probe[0] ?? 0) ^ 0xff]), 0, 1, position);
      return;
    }
  } finally {
    closeSync(fd);
  }
  throw new Error(`the payload was not found in ${file}`);
};
