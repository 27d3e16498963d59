import { describe, expect, it } from 'vitest';
import type { BackupOrder } from '../../../src/api/worker-order.ts';
import { WorkerFailure } from '../../../src/worker/failure.ts';
import { parseOrder } from '../../../src/worker/order.ts';

const order: BackupOrder = {
  v: 1,
  role: 'backup',
  pod: 'tw-0a1b2c3d-s0-e1',
  operatorNamespace: 'twinreel-system',
  server: 'server-0',
  job: {
    kind: 'BackupJob',
    uid: '0a1b2c3d-0000-4000-8000-000000000000',
    namespace: 'default',
    name: 'x',
    processNumber: 1,
  },
  grant: { stream: 0, epoch: 1 },
  library: { name: 'library-0', driver: 'virtual' },
  drive: { name: 'drive-0', elementAddress: 256 },
  tape: { name: 'library-0-000001l9', barcode: '000001L9', labelId: 'aa'.repeat(16) },
  source: { kind: 'hostPath', path: '/data', include: [], exclude: [], oneFileSystem: true, shared: false },
  sourceFolder: { prefix: '/data', beneath: '' },
  record: 'r-s0',
  planRecord: 'r-plan',
  lockPages: false,
  compression: 'None',
  consistent: false,
  catalogueEvery: 16,
  fenceTimeoutMs: 60_000,
  heartbeatMs: 10_000,
};

const problemOf = (json: string | undefined): WorkerFailure => {
  try {
    parseOrder(json);
  } catch (error) {
    if (error instanceof WorkerFailure) return error;
  }
  throw new Error('the order was taken');
};

describe('parseOrder', () => {
  it('takes a whole order as it is, with fields that it does not know', () => {
    expect(parseOrder(JSON.stringify({ ...order, later: 1 }))).toEqual({ ...order, later: 1 });
  });

  const wrong: readonly { name: string; json: string | undefined; says: string }[] = [
    { name: 'no order at all', json: undefined, says: 'TWINREEL_ORDER is not set' },
    { name: 'no JSON', json: '{', says: 'TWINREEL_ORDER is no JSON' },
    { name: 'no object', json: '[]', says: 'the order must be an object' },
    {
      name: 'an unknown role',
      json: JSON.stringify({ ...order, role: 'erase' }),
      says: 'role must be inventory or load',
    },
    { name: 'a version that is not ours', json: JSON.stringify({ ...order, v: 2 }), says: 'v must be 1' },
    {
      name: 'a label id that is absent',
      json: JSON.stringify({ ...order, tape: { ...order.tape, labelId: undefined } }),
      says: 'tape.labelId must be a string',
    },
    {
      name: 'a drive without an address',
      json: JSON.stringify({ ...order, drive: { name: 'd' } }),
      says: 'drive.elementAddress must be an integer of at least 0',
    },
    {
      name: 'a list that is none',
      json: JSON.stringify({ ...order, source: { ...order.source, exclude: 'x' } }),
      says: 'source.exclude must be a list',
    },
    {
      name: 'a time that is none',
      json: JSON.stringify({ ...order, retainUntil: 'soon' }),
      says: 'retainUntil must be a time in RFC 3339',
    },
  ];
  it.each(wrong)('refuses $name with exit code 2 and names it', ({ json, says }) => {
    const failure = problemOf(json);
    expect(failure.message).toContain(says);
    expect(failure.exitCode).toBe(2);
    expect(failure.fault).toBe('order');
  });

  it('names every wrong field at once', () => {
    const { message } = problemOf(JSON.stringify({ ...order, heartbeatMs: 0, server: '' }));
    expect(message).toContain('heartbeatMs');
    expect(message).toContain('server');
  });
});
