import { readFileSync } from 'node:fs';
import type { BlockSink, Encoding } from '../archive/blocks.ts';
import { makeEncoder } from '../archive/encode.ts';
import { TYPE, writeHeader } from '../archive/header.ts';
import { HEADER_BYTES, padding, PaxOut } from '../archive/pax-out.ts';
import type { SegmentTotals } from '../archive/segment-totals.ts';
import type { CatalogueMember } from './source-reader-protocol.ts';

/** A pax archive of the working folder and the members in it; they need no index of their own. */
export const writeCatalogue = (
  workFolder: string,
  members: readonly CatalogueMember[],
  encoding: Encoding,
  sink: BlockSink,
): SegmentTotals => {
  const encoder = makeEncoder(encoding, sink);
  const out = new PaxOut(encoder);
  const mtimeSec = Math.floor(Date.now() / 1000);
  writeOwnHeader(out, `${workFolder}/`, TYPE.folder, 0o700, 0, mtimeSec);
  let written = 0;
  let dataBytes = 0;
  for (const { name, content } of members) {
    const path = `${workFolder}/${name}`;
    const bytes = 'path' in content ? readWhole(content.path) : Buffer.from(content);
    if (bytes === undefined) continue;
    writeOwnHeader(out, path, TYPE.file, 0o600, bytes.length, mtimeSec);
    out.writeBytes(bytes);
    out.zeros(padding(bytes.length));
    written += 1;
    dataBytes += bytes.length;
  }
  // POSIX: an archive ends with two blocks of zeros.
  out.zeros(2 * HEADER_BYTES);
  const paxBytes = out.offset;
  out.finish();
  const none = { skipped: 0, vanished: 0, changed: 0, padded: 0, cut: 0, hasLinks: false, examples: [] };
  return { paxBytes, indexOffset: 0, entries: written, files: written, dataBytes, ...none };
};

/**
 * Undefined where it can't be read: nothing stands only in a catalogue. At once, since the header tells the size; at most
 * 262,144 entries of about 26 bytes.
 */
const readWhole = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

const writeOwnHeader = (
  out: PaxOut,
  name: string,
  type: (typeof TYPE)['file' | 'folder'],
  mode: number,
  sizeBytes: number,
  mtimeSec: number,
): void => {
  const owner = { uid: 0, gid: 0, mtimeSec, mtimeNs: 0, linkName: '', major: 0, minor: 0 };
  writeHeader(out, { name, type, mode, sizeBytes, ...owner }, '');
};
