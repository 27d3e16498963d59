import { expect, it } from 'vitest';
import { appendFile } from '../../../src/tape/append.ts';
import { encodeGroupLabels } from '../../../src/tape/group-labels.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { createRingMemory } from '../../../src/worker/ring.ts';
import { TapeReader } from '../../../src/worker/tape-reader.ts';
import { makeLibrary } from '../devices/library-bench.ts';
import { headerOf, now, uid } from '../tape/group-bench.ts';

it('a payload block that is larger than any of ours makes one bad copy, not a failed worker', async () => {
  using bench = makeLibrary();
  await bench.library.changer.move(1024, 256);
  const drive = bench.library.openDrive(0);
  const labelId = 'ab'.repeat(16);
  labelTape(drive, { barcode: 'TW0001L9', labelId, now });
  drive.spaceToEndOfData();
  appendFile(drive, encodeGroupLabels(headerOf(0)), true);
  appendFile(drive, [new Uint8Array(300_000)], false);
  const address = { driver: 'virtual', folder: bench.folder, elementAddress: 256 } as const;
  const meant = { barcode: 'TW0001L9', labelId };
  const shared = { ring: createRingMemory(4), progress: new SharedProgress().memory };
  const reader = new TapeReader(drive, { kind: 'open', address, meant, ...shared });
  const verdict = reader.read({ group: 0, uid, segment: 0, kind: 'data', sha256: '' });
  expect(verdict).toMatchObject({ kind: 'bad', reason: 'BlockTooLarge' });
  drive.close();
});
