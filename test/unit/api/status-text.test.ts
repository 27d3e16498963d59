import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCrds, schemaAt } from '../../../dev/generate/schema.ts';
import { bounded, boundedReason, textLimits, type TextField } from '../../../src/api/status-text.ts';

const crds = readCrds(join(import.meta.dirname, '../../../crds'));

const lengthAt = (kind: string, path: string): unknown => {
  const schema = crds.find((one) => one.kind === kind)?.schema;
  return schema === undefined ? undefined : schemaAt(schema, path.split('.'))['maxLength'];
};

describe('a text that goes into a status', () => {
  it.each<readonly [TextField | 'reason', string, string]>([
    ['detail', 'BackupJob', 'status.streams.[].message'],
    ['detail', 'BackupJob', 'status.retired.[].message'],
    ['detail', 'BackupJob', 'status.failoverHistory.[].message'],
    ['detail', 'BackupJob', 'status.hooks.[].message'],
    ['detail', 'Restore', 'status.streams.[].message'],
    ['detail', 'Tape', 'status.message'],
    ['detail', 'TapeLibrary', 'status.drives.[].message'],
    ['summary', 'BackupJob', 'status.message'],
    ['summary', 'Restore', 'status.message'],
    ['verdict', 'BackupJob', 'status.ending.message'],
    ['verdict', 'BackupJob', 'status.conditions.[].message'],
    ['verdict', 'Restore', 'status.ending.message'],
    ['reason', 'BackupJob', 'status.streams.[].reason'],
    ['reason', 'BackupJob', 'status.ending.reason'],
  ])('is cut as %s where the schema of %s bounds it: %s', (field, kind, path) => {
    expect(lengthAt(kind, path)).toBe(textLimits[field]);
  });

  it('stays as it is where it fits, and is well formed where it was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'é', '漢', '😀', '\n')), fc.nat(500), (pieces, times) => {
        const text = pieces.join('').repeat(times);
        const cut = bounded(text, 'detail');
        expect(cut.length).toBeLessThanOrEqual(textLimits.detail);
        expect(cut.isWellFormed()).toBe(true);
        if (text.length <= textLimits.detail) expect(cut).toBe(text);
      }),
    );
    expect(bounded(`${'x'.repeat(1022)}😀😀`, 'detail').isWellFormed()).toBe(true);
  });

  it.each([
    ['TapeWriteError', 'TapeWriteError'],
    ['no CamelCase word', 'Unknown'],
    ['', 'Unknown'],
    [`A${'b'.repeat(64)}`, 'Unknown'],
  ])('has a reason of one word: %s', (told, expected) => {
    expect(boundedReason(told)).toBe(expected);
  });
});
