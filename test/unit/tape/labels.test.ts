import { describe, expect, it } from 'vitest';
import { LabelError } from '../../../src/tape/label-columns.ts';
import { decodeLabel, encodeLabel, type Label } from '../../../src/tape/labels.ts';

const at = (text: string): Date => new Date(text);
const midnight = (day: string): Date => new Date(`${day}T00:00:00Z`);

/** Written out by hand from the format's table; the ruler counts columns. */
//           1         2         3         4         5         6         7         8
//  12345678901234567890123456789012345678901234567890123456789012345678901234567890
const rows: readonly (readonly [name: string, text: string, label: Label])[] = [
  [
    'the volume label',
    'VOL1TW0001              TWINREEL                                               3',
    { label: 'VOL1', volumeId: 'TW0001' },
  ],
  [
    'the user volume label',
    'UVL1TW0001L9                        0123456789abcdef0123456789abcdef202611231505',
    {
      label: 'UVL1',
      barcode: 'TW0001L9',
      labelId: '0123456789abcdef0123456789abcdef',
      labelledAt: at('2026-11-23T15:05:00Z'),
    },
  ],
  [
    'the prelabel',
    'HDR1PRELABEL         TW000100010001000100026327000000 000000TWINREEL 1          ',
    {
      label: 'HDR1',
      fileId: 'PRELABEL',
      volumeId: 'TW0001',
      sequence: 1,
      created: midnight('2026-11-23'),
      expires: 'none',
      blocks: 0,
    },
  ],
  [
    'the first header of a group that is kept for ever',
    'HDR11A2B3C4D.D000012 TW000100010013000100026327999365 000000TWINREEL 1          ',
    {
      label: 'HDR1',
      fileId: '1A2B3C4D.D000012',
      volumeId: 'TW0001',
      sequence: 13,
      created: midnight('2026-11-23'),
      expires: 'forever',
      blocks: 0,
    },
  ],
  [
    'the first trailer with its block count, of the last century and into the next',
    'EOF11A2B3C4D.L000099 TW000100010000000100 99365101001 001024TWINREEL 1          ',
    {
      label: 'EOF1',
      fileId: '1A2B3C4D.L000099',
      volumeId: 'TW0001',
      sequence: 0,
      created: midnight('1999-12-31'),
      expires: midnight('2101-01-01'),
      blocks: 1024,
    },
  ],
  [
    'the second header',
    'HDR2F0000000000                                   00                            ',
    { label: 'HDR2' },
  ],
  [
    'the second trailer',
    'EOF2F0000000000                                   00                            ',
    { label: 'EOF2' },
  ],
  [
    'the format of a group',
    'UHL101D00001200000000351a2b3c4d5e6f40718293a4b5c6d7e8f90001000003262144NN       ',
    {
      label: 'UHL1',
      kind: 'data',
      number: 12,
      group: 35,
      uid: '1a2b3c4d5e6f40718293a4b5c6d7e8f9',
      stream: 1,
      epoch: 3,
      encoding: { zstd: false, encrypted: false },
    },
  ],
  [
    'the format of an encrypted, compressed catalogue',
    'UHL101C00000300000000361a2b3c4d5e6f40718293a4b5c6d7e8f90000000000262144ZA       ',
    {
      label: 'UHL1',
      kind: 'catalogue',
      number: 3,
      group: 36,
      uid: '1a2b3c4d5e6f40718293a4b5c6d7e8f9',
      stream: 0,
      epoch: 0,
      encoding: { zstd: true, encrypted: true },
    },
  ],
  [
    'the namespace',
    'UHL2default                                                        0000000042   ',
    { label: 'UHL2', namespace: 'default', processNumber: 42 },
  ],
  [
    'the job',
    'UHL3nightly                                             20261123150509          ',
    { label: 'UHL3', jobName: 'nightly', begunAt: at('2026-11-23T15:05:09Z') },
  ],
  [
    'the retention',
    'UHL4TW0001L9                        2027010203040599991231235959                ',
    { label: 'UHL4', barcode: 'TW0001L9', retainUntil: at('2027-01-02T03:04:05Z'), latestRetainUntil: 'forever' },
  ],
  [
    'the data key',
    'UHL5' + 'A'.repeat(56) + 'key-7           GCM1',
    { label: 'UHL5', wrappedKey: 'A'.repeat(56), keyId: 'key-7' },
  ],
  [
    'the counts',
    'UTL10000000002560000000000006708864000000000000066000000000000001234000000001000',
    { label: 'UTL1', blocks: 256, paxBytes: 67_088_640, indexOffset: 66_000_000, entries: 1234, files: 1000 },
  ],
  ['the digest', 'UTL2SHA-256 ' + 'ab'.repeat(32) + '    ', { label: 'UTL2', sha256: 'ab'.repeat(32) }],
  [
    'the verdict',
    'UTL3ABANDONEDCrashed                         202611231505090000000035           ',
    { label: 'UTL3', outcome: 'ABANDONED', reason: 'Crashed', endedAt: at('2026-11-23T15:05:09Z'), group: 35 },
  ],
];

describe('encodeLabel', () => {
  it.each<readonly [name: string, label: Label]>([
    ['a barcode of 33 characters', { label: 'UVL1', barcode: 'B'.repeat(33), labelId: '', labelledAt: new Date(0) }],
    ['a name that is not ASCII', { label: 'UHL3', jobName: 'nächtlich', begunAt: new Date(0) }],
    ['a number with too many digits', { label: 'UHL2', namespace: 'n', processNumber: 10_000_000_000 }],
    ['a number below zero', { label: 'UHL2', namespace: 'n', processNumber: -1 }],
  ])('refuses %s', (_name, label) => {
    expect(() => encodeLabel(label)).toThrow(LabelError);
  });
});

describe('decodeLabel', () => {
  const utl3 = 'UTL3WHOLE                                    202611231505090000000035           ';

  it.each([
    ['a block of another size', utl3.slice(1)],
    ['an unknown label', utl3.replace('UTL3', 'UTL9')],
    ['a volume label of somebody else', 'VOL1TW0001'.padEnd(79) + '3'],
    ['letters where a number should be', utl3.replace('0000000035', '00000000x5')],
    ['a time that is none', utl3.replace('20261123', '20261323')],
    ['an outcome that is none', utl3.replace('WHOLE', 'WHOLY')],
    ['bytes that are not printable', utl3.replace('WHOLE ', 'WHOLE\0')],
  ])('gives nothing for %s', (_name, text) => {
    expect(decodeLabel(Buffer.from(text, 'latin1'))).toBeUndefined();
  });

  it('keeps the columns apart', () => {
    expect(decodeLabel(Buffer.from(utl3))).toMatchObject({ outcome: 'WHOLE', reason: '', group: 35 });
  });
});

describe('labels', () => {
  it.each(rows)('encode and decode %s column by column', (_name, text, label) => {
    expect(text).toHaveLength(80);
    expect(encodeLabel(label).toString('latin1')).toBe(text);
    expect(decodeLabel(Buffer.from(text))).toEqual(label);
  });
});
