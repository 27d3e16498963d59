/**
 * A process of its own that opens a drive and writes until it is killed.
 * Arguments: library folder, number of the drive. Says `open` and then the count of blocks written, line by line.
 */
import { openVirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import { allocatePageAligned } from '../../../src/posix/page-aligned.ts';

const [folder = '', drive = '0'] = process.argv.slice(2);
const opened = openVirtualLibrary(folder).openDrive(Number(drive));
const block = allocatePageAligned(262_144).fill(0x70);
opened.spaceToEndOfData();
process.stdout.write('open\n');
for (let written = 1; ; written++) {
  const result = opened.write(block);
  if (result.kind === 'endOfMedium') break;
  if (written % 5 === 0) opened.writeFilemarks(1, { immediate: true });
  process.stdout.write(`${written}\n`);
}
