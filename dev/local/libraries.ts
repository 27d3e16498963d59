import { existsSync } from 'node:fs';
import path from 'node:path';
import { makeLibrary } from '../../src/cli/make-library.ts';
import { openVirtualLibrary } from '../../src/devices/changer/virtual-library.ts';
import { replaceJson } from './json-file.ts';
import { type Layout, libraryFolder, libraryName } from './layout.ts';
import type { LocalOptions } from './options.ts';

/** Each library's tapes begin with a letter of its own. */
const prefixOf = (library: number): string => String.fromCharCode('A'.charCodeAt(0) + library);

/** Makes the virtual libraries that are not there yet, every slot with a labelled tape. Those that are stay as they are. */
export async function prepareLibraries(
  layout: Layout,
  options: LocalOptions,
  log: (line: string) => void,
  now: () => Date,
): Promise<void> {
  for (let number = 0; number < options.libraries; number++) {
    const folder = libraryFolder(layout, number);
    // Beside the library, not in it: labelling is ours, and it may have been cut short after the library was whole.
    const labelled = path.join(layout.libraries, `${libraryName(number)}.labelled`);
    if (existsSync(labelled)) continue;
    log(`labelling ${options.slots} tapes of ${libraryName(number)}`);
    const { drives, slots, tapeSizeBytes } = options;
    await makeLibrary({ folder, drives, slots, tapeSizeBytes, prefix: prefixOf(number) }, now);
    replaceJson(labelled, { tapes: options.slots });
  }
}

/** How many tapes lie in the libraries now; exported ones do not count. */
export function countTapes(layout: Layout, options: LocalOptions): number {
  let count = 0;
  for (let number = 0; number < options.libraries; number++) {
    const tapes = openVirtualLibrary(libraryFolder(layout, number)).listTapes();
    count += tapes.filter((tape) => tape.address !== undefined).length;
  }
  return count;
}
