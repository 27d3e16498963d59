import type { TapeDrive } from '../devices/drive/drive.ts';

/** `endOfMedium`: it does not stand on the tape. */
export type Appended = { readonly kind: 'written'; readonly earlyWarning: boolean } | { readonly kind: 'endOfMedium' };

/**
 * Writes one block, also in the early warning zone, where a drive may answer the first attempt with nothing but the
 * warning.
 *
 * @param meanwhile  see `TapeDrive.write`
 * @throws DriveError
 */
export function appendBlock(drive: TapeDrive, block: Uint8Array, meanwhile?: () => void): Appended {
  const first = drive.write(block, meanwhile);
  if (first.kind !== 'earlyWarning') return first;
  const second = drive.write(block, meanwhile);
  return second.kind === 'written' ? { kind: 'written', earlyWarning: true } : { kind: 'endOfMedium' };
}

/** Writes blocks and then a filemark. @throws DriveError */
export function appendFile(drive: TapeDrive, blocks: readonly Uint8Array[], immediate: boolean): Appended {
  let earlyWarning = false;
  for (const block of blocks) {
    const result = appendBlock(drive, block);
    if (result.kind === 'endOfMedium') return result;
    earlyWarning ||= result.earlyWarning;
  }
  const closed = drive.writeFilemarks(1, { immediate });
  return closed.kind === 'endOfMedium'
    ? closed
    : { kind: 'written', earlyWarning: earlyWarning || closed.earlyWarning };
}
