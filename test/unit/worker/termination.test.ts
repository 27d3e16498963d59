import { describe, expect, it } from 'vitest';
import { WorkerFailure, WorkerStopped } from '../../../src/worker/failure.ts';
import { describeEnd, encodeTermination } from '../../../src/worker/termination.ts';

describe('describeEnd', () => {
  it('tells whose fault it was, by word and by exit code', () => {
    const failure = new WorkerFailure({ reason: 'TapeWriteError', fault: 'tape', message: 'block 7 was refused' });
    const end = describeEnd('backup', failure, { lostBytes: 12 });
    expect(end.exitCode).toBe(21);
    expect(end.message).toMatchObject({ outcome: 'failed', reason: 'TapeWriteError', fault: 'tape', lostBytes: 12 });
  });

  it('calls a worker that was told to end stopped', () => {
    const end = describeEnd('backup', new WorkerStopped('Sealed', 'the head is sealed'));
    expect(end).toMatchObject({ exitCode: 143, message: { outcome: 'stopped', reason: 'Sealed' } });
  });

  it('takes what nobody expected for a bug of the worker', () => {
    expect(describeEnd('plan', new TypeError('x is not a function'))).toMatchObject({
      exitCode: 1,
      message: { outcome: 'failed', reason: 'InternalError', fault: 'worker' },
    });
  });
});

describe('encodeTermination', () => {
  it('stays JSON within 4 KiB however long the text is, also in bytes of UTF-8', () => {
    const { message } = describeEnd('restore', new Error('ä'.repeat(9000)));
    const json = encodeTermination(message);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(4096);
    expect(JSON.parse(json)).toMatchObject({ reason: 'InternalError', role: 'restore' });
  });
});
