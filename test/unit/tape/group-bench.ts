import { allocatePageAligned } from '../../../src/posix/page-aligned.ts';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import type { GroupHeader } from '../../../src/tape/group-labels.ts';
import { GroupWriter, type FinishOrder } from '../../../src/tape/group-writer.ts';
import type { RetainUntil } from '../../../src/tape/label-time.ts';

export const now = new Date('2026-11-23T15:05:09Z');
export const uid = '1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9';

export const headerOf = (group: number, more: Partial<GroupHeader> = {}): GroupHeader => ({
  group,
  kind: 'data',
  number: group,
  job: { uid, namespace: 'default', name: 'nightly', processNumber: 7 },
  stream: 1,
  epoch: 2,
  encoding: { zstd: false, encrypted: false },
  barcode: 'TW0001L9',
  begunAt: now,
  retainUntil: 'none',
  latestRetainUntil: 'none',
  ...more,
});

export const totals: FinishOrder = { paxBytes: 500_000, indexOffset: 400_000, entries: 12, files: 9, endedAt: now };

const blocks = new Map<string, Uint8Array>();

/** 262,144 times the letter. */
export function blockOf(letter: string): Uint8Array {
  const known = blocks.get(letter) ?? allocatePageAligned(262_144).fill(letter.charCodeAt(0));
  blocks.set(letter, known);
  return known;
}

export function begin(drive: TapeDrive, header: GroupHeader): GroupWriter {
  const begun = GroupWriter.begin(drive, header);
  if (begun.kind !== 'begun') throw new Error(`the tape ended before group ${header.group}`);
  return begun.writer;
}

/** A whole group at the end of data, one payload block per letter. */
export function writeGroup(drive: TapeDrive, group: number, letters: string, retain: RetainUntil = 'none'): void {
  const writer = begin(drive, headerOf(group, { retainUntil: retain, latestRetainUntil: retain }));
  for (const letter of letters) {
    if (writer.writeBlock(blockOf(letter)).kind !== 'written') throw new Error('the tape ended');
  }
  if (writer.finish(totals).kind !== 'whole') throw new Error('the tape ended');
}
