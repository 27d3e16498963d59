import { describe, expect, it } from 'vitest';
import type { BackupSaveRecord } from '../../../src/api/generated/index.ts';
import { makeCommittedMeter } from '../../../src/controllers/committed-meter.ts';

const head = (stream: number, segments: number, bytes: number, more: object = {}): BackupSaveRecord => ({
  metadata: { name: `record-${stream}`, namespace: 'twinreel-system' },
  spec: { type: 'Stream', stream, job: { kind: 'BackupJob', namespace: 'n', name: 'j', uid: 'u', processNumber: 1 } },
  status: { totals: { segments, bytes }, ...more },
});

describe('what was committed', () => {
  it('is what each copy says of whole segments: the open one does not count', () => {
    const meter = makeCommittedMeter();
    meter.look('u', []);
    expect(meter.look('u', [head(0, 0, 0, { openBytes: 900 }), head(1, 0, 0)])).toEqual({ segments: 0, bytes: 0 });
    expect(meter.look('u', [head(0, 1, 1000, { openBytes: 0 }), head(1, 2, 2000)])).toEqual({
      segments: 3,
      bytes: 3000,
    });
    expect(meter.look('u', [head(0, 1, 1000, { openBytes: 5 }), head(1, 2, 2000)])).toEqual({ segments: 0, bytes: 0 });
  });

  it('never goes back when a stream is taken over, and is counted once', () => {
    const meter = makeCommittedMeter();
    meter.look('u', []);
    let sum = 0;
    // The second worker counts the pages of the first anew before it goes on.
    for (const bytes of [1000, 2000, 0, 1000, 2000, 3000]) sum += meter.look('u', [head(0, 0, bytes)]).bytes;
    expect(sum).toBe(3000);
    expect(meter.look('u', [])).toEqual({ segments: 0, bytes: 0 });
    expect(meter.look('u', [head(0, 0, 3000)]).bytes).toBe(0);
  });

  it('does not count again what was there before this process looked', () => {
    const meter = makeCommittedMeter();
    expect(meter.look('u', [head(0, 5, 5000)])).toEqual({ segments: 0, bytes: 0 });
    expect(meter.look('u', [head(0, 6, 6000)])).toEqual({ segments: 1, bytes: 1000 });
  });
});
