import type { TapeDrive } from '../../../src/devices/drive/drive.ts';

/**
 * What stands on a tape, read as `dd` would and told without the product's own label code: one line per tape file, one
 * word per block. Labels by their first four letters (UTL3 with its outcome), payload blocks as `P` and the letter
 * that fills them, blocks of zeros as `Z`, anything else as `?`. The last line is `open` where no filemark ends it.
 */
export function walkTape(drive: TapeDrive): readonly string[] {
  drive.rewind();
  const into = Buffer.alloc(1_048_576);
  const files: string[] = [];
  let words: string[] = [];
  for (;;) {
    const result = drive.read(into);
    if (result.kind === 'block') words.push(wordFor(into.subarray(0, result.bytes)));
    else if (result.kind === 'filemark') {
      files.push(words.join(' '));
      words = [];
    } else return words.length === 0 ? files : [...files, `${words.join(' ')} open`];
  }
}

function wordFor(block: Buffer): string {
  if (block.length === 262_144) {
    const first = block[0] ?? 0;
    if (!block.subarray(1).equals(block.subarray(0, -1))) return '?';
    return first === 0 ? 'Z' : `P${String.fromCharCode(first)}`;
  }
  if (block.length !== 80) return '?';
  const text = block.toString('latin1');
  return text.startsWith('UTL3') ? `UTL3:${text.slice(4, 13).trimEnd()}` : text.slice(0, 4);
}

export const volumeLabels = 'VOL1 UVL1 HDR1';
export const groupLabels = 'HDR1 HDR2 UHL1 UHL2 UHL3 UHL4';
export const wholeTrailers = 'EOF1 EOF2 UTL1 UTL2 UTL3:WHOLE';
export const abandonedTrailers = 'EOF1 EOF2 UTL1 UTL2 UTL3:ABANDONED';
