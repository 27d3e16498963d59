import { expect, test } from 'vitest';
import type { SegmentWork } from '../../../src/worker/ledger.ts';
import { MemoryLedger } from '../../../src/worker/memory-ledger.ts';

const workOf = (segment: number): SegmentWork => ({
  kind: 'data',
  segment,
  from: { path: '', offset: 0 },
  weightBytes: 0,
  entries: 0,
  firstSegmentOfFile: segment,
});

test('work is handed out in order, waited for until it is known, and then closed', async () => {
  const gate = Promise.withResolvers<void>();
  const source = async function* (): AsyncGenerator<SegmentWork, void> {
    yield workOf(0);
    await gate.promise;
    yield workOf(1);
  };
  const ledger = new MemoryLedger(source());
  expect(await ledger.openNext()).toEqual({ kind: 'segment', work: workOf(0) });
  const waiting = ledger.openNext();
  gate.resolve();
  expect(await waiting).toEqual({ kind: 'segment', work: workOf(1) });
  expect(await ledger.openNext()).toEqual({ kind: 'close' });
});

test('a plan that fails fails who waits for work', async () => {
  const source = async function* (): AsyncGenerator<SegmentWork, void> {
    yield workOf(0);
    throw new Error('no more to be read');
  };
  const ledger = new MemoryLedger(source());
  expect(await ledger.openNext()).toEqual({ kind: 'segment', work: workOf(0) });
  await expect(ledger.openNext()).rejects.toThrow('no more to be read');
});
