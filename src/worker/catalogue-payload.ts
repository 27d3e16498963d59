import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { BlockSink, Encoding } from '../archive/blocks.ts';
import { makeEncoder } from '../archive/encode.ts';
import { TYPE, writeHeader } from '../archive/header.ts';
import { HEADER_BYTES, padding, PaxOut } from '../archive/pax-out.ts';
import type { SegmentTotals } from '../archive/segment-totals.ts';
import type { CatalogueMember } from './source-reader-protocol.ts';

const chunkBytes = 262_144;

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
  let dataBytes = 0;
  for (const { name, content } of members) {
    const path = `${workFolder}/${name}`;
    const sizeBytes = 'path' in content ? copyFile(out, path, content.path, mtimeSec) : content.length;
    if (!('path' in content)) {
      writeOwnHeader(out, path, TYPE.file, 0o600, sizeBytes, mtimeSec);
      out.writeBytes(Buffer.from(content));
      out.zeros(padding(sizeBytes));
    }
    dataBytes += sizeBytes;
  }
  // POSIX: an archive ends with two blocks of zeros.
  out.zeros(2 * HEADER_BYTES);
  const paxBytes = out.offset;
  out.finish();
  const none = { skipped: 0, changed: 0, padded: 0, cut: 0, examples: [] };
  return { paxBytes, indexOffset: 0, entries: members.length, files: members.length, dataBytes, ...none };
};

const copyFile = (out: PaxOut, name: string, from: string, mtimeSec: number): number => {
  const fd = openSync(from, 'r');
  try {
    const sizeBytes = fstatSync(fd).size;
    writeOwnHeader(out, name, TYPE.file, 0o600, sizeBytes, mtimeSec);
    const chunk = Buffer.alloc(Math.min(chunkBytes, sizeBytes));
    for (let at = 0; at < sizeBytes;) {
      const read = readSync(fd, chunk, 0, Math.min(chunk.length, sizeBytes - at), at);
      if (read === 0) throw new RangeError(`${from} became shorter while it was read`);
      out.writeBytes(chunk.subarray(0, read));
      at += read;
    }
    out.zeros(padding(sizeBytes));
    return sizeBytes;
  } finally {
    closeSync(fd);
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
