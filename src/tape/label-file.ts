import { DriveError, type TapeDrive } from '../devices/drive/drive.ts';
import { decodeLabel, payloadBlockBytes, type Label } from './labels.ts';

/** More than any file of labels holds, also after several torn sets of trailers: what is longer is something else. */
const mostLabels = 1000;

/** A tape file of labels or trailers, as far as it goes. */
export interface LabelFile {
  readonly labels: readonly Label[];
  /** Every block is a whole label of ours. */
  readonly pure: boolean;
  /** Blocks of whatever kind. */
  readonly blocks: number;
  /** A filemark ends it, and the drive stands behind that. */
  readonly closed: boolean;
}

/** Reads from where the drive stands to the next filemark or the end of data. @throws DriveError */
export function readLabelFile(drive: TapeDrive): LabelFile {
  const into = new Uint8Array(payloadBlockBytes);
  const labels: Label[] = [];
  let blocks = 0;
  let pure = true;
  while (blocks < mostLabels) {
    const result = readAnyBlock(drive, into);
    if (result.kind !== 'block') return { labels, pure, blocks, closed: result.kind === 'filemark' };
    blocks += 1;
    const label = decodeLabel(into.subarray(0, result.bytes));
    if (label === undefined) pure = false;
    else labels.push(label);
  }
  return { labels, pure: false, blocks, closed: false };
}

/** A block that is larger than any of ours is a block all the same. */
function readAnyBlock(drive: TapeDrive, into: Uint8Array): ReturnType<TapeDrive['read']> {
  try {
    return drive.read(into);
  } catch (error) {
    if (error instanceof DriveError && error.code === 'BlockTooLarge') return { kind: 'block', bytes: 0 };
    throw error;
  }
}
