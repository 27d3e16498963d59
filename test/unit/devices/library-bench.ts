import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVirtualLibrary, type VirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';

export interface LibraryBench extends Disposable {
  readonly folder: string;
  readonly library: VirtualLibrary;
}

/** A virtual library in a temporary folder: two drives, four slots, cartridges TW0001L9 to TW0003L9 from slot 1024 on. */
export function makeLibrary(tapeSizeBytes = 64 * 2 ** 20, earlyWarningBytes?: number): LibraryBench {
  const folder = mkdtempSync(join(tmpdir(), 'twinreel-library-'));
  const library = createVirtualLibrary({
    folder,
    drives: 2,
    slots: 4,
    importExportSlots: 1,
    tapeSizeBytes,
    ...(earlyWarningBytes !== undefined && { earlyWarningBytes }),
    barcodes: ['TW0001L9', 'TW0002L9', 'TW0003L9'],
  });
  return { folder, library, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
