import { describe, expect, it } from 'vitest';
import type { Commit } from '../../../../src/api/generated/index.ts';
import { finaliseRestore } from '../../../../src/decide/restore/restore-status.ts';
import { judgeVerified, withFindings } from '../../../../src/decide/restore/verified.ts';
import {
  aChoice,
  aRestoreGrant,
  copiesOn,
  decideOn,
  grantsText,
  restoreHead,
  stepsText,
  workerPod,
} from '../restore-objects.ts';
import type { RestoreScene } from '../restore-objects.ts';
import { now } from '../job-objects.ts';

const discards = { streams: [] };
const read = (tape: string, first: number, last: number) => ({ tape, first, last });
const bad = (segment: number, tape: string) => ({ segment, tape, reason: 'DigestMismatch', message: 'it differs' });
const ready = (tape: string) => aRestoreGrant(1, 'Ready', { tape, barcode: tape.toUpperCase() });

describe('a restore that discards', () => {
  it('reads all segments of the first tape, then of the next', () => {
    const first = decideOn({ discards });
    expect(first.status.areas).toMatchObject([{ tape: 't0', first: 0, last: 3, segments: 4, state: 'Waiting' }]);
    const second = decideOn({
      ...{ discards, report: { readBack: [read('t0', 0, 3)] }, streams: [aRestoreGrant(1, 'Released')] },
      status: { areas: [{ library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Reading' }] },
    });
    expect(second.status.areas).toMatchObject([
      { tape: 't0', state: 'Done' },
      { tape: 't1', first: 0, last: 3, state: 'Waiting' },
    ]);
  });

  it('launches its worker for what is left on the tape in hand, bad copies apart', () => {
    const decision = decideOn({
      ...{ discards, streams: [ready('t0')], report: { readBack: [read('t0', 0, 0)], bad: [bad(2, 't0')] } },
      status: {
        areas: [{ library: 'lib-0', tape: 't0', barcode: 'T0', first: 1, last: 3, state: 'Waiting' }],
        currentArea: 0,
      },
    });
    const launch = decision.steps.find((step) => step.kind === 'launchRestore');
    expect(launch).toMatchObject({
      segments: [
        { first: 1, last: 1 },
        { first: 3, last: 3 },
      ],
    });
  });

  it('starts though a lost worker is not fenced yet, since nothing is written', () => {
    const lost = aRestoreGrant(1, 'Fencing', { tape: 't1', outcome: 'Failed' });
    const decision = decideOn({
      ...{ discards, streams: [{ ...ready('t0'), epoch: 2 }], retired: [lost], pods: [workerPod(1)] },
      status: {
        areas: [{ library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Waiting' }],
        currentArea: 0,
      },
    });
    expect(grantsText(decision)).toBe('2 Running | 1 Fencing');
    expect(stepsText(decision)).toContain('launchRestore 2');
  });

  const whole = [read('t0', 0, 3), read('t1', 0, 3)];
  interface Row {
    readonly name: string;
    readonly report: NonNullable<RestoreScene['report']>;
    readonly ending: readonly [result: string, reason: string, message: string];
    readonly streams?: readonly number[];
    readonly gone?: string;
    readonly failedAreas?: number;
  }
  const rows: readonly Row[] = [
    {
      name: 'succeeds when every copy was read',
      report: { readBack: whole },
      ending: ['Succeeded', 'Verified', 'on T0, T1'],
    },
    {
      name: 'reads one stream where one is asked for',
      streams: [1],
      report: { readBack: [read('t1', 0, 3)] },
      ending: ['Succeeded', 'Verified', 'on T1'],
    },
    {
      name: 'names bad copies, when all others were read',
      report: { readBack: [read('t0', 0, 3), read('t1', 0, 1), read('t1', 3, 3)], bad: [bad(2, 't1')] },
      ending: ['Failed', 'CopiesBad', 'segment 2 on t1: DigestMismatch'],
    },
    {
      name: 'names a tape that can not be had, when all others were read',
      gone: 't1',
      report: { readBack: [read('t0', 0, 3)] },
      ending: ['Failed', 'NoUsableTape', '4 segments on T1 were not read: t1 is Exported'],
    },
    {
      name: 'gives up a tape of which three workers have read nothing',
      failedAreas: 3,
      report: { readBack: [read('t0', 0, 3)] },
      ending: ['Failed', 'NothingRead', '3 workers have read nothing from it'],
    },
    {
      name: 'refuses a stream without copies',
      streams: [7],
      report: {},
      ending: ['Failed', 'NoCopies', 'spec.target.discard.streams'],
    },
  ];
  it.each(rows)('$name', ({ report, ending, streams = [], gone = '', failedAreas = 0 }) => {
    const shortage = { reason: 'NoUsableTape' as const, message: `${gone} is Exported` };
    const area = { library: 'lib-1', tape: 't1', barcode: 'T1', first: 0, last: 3, state: 'Failed' as const };
    const { status } = decideOn({
      ...{ discards: { streams }, report, streams: [aRestoreGrant(1, 'Released')] },
      status: { areas: Array.from({ length: failedAreas }, () => area) },
      choice: aChoice({ outlook: (tape) => (tape === gone ? { kind: 'never', shortage } : { kind: 'now' }) }),
    });
    const [result, reason, message] = ending;
    expect(status.ending).toMatchObject({ result, reason });
    expect(status.ending?.message).toContain(message);
  });

  it('leaves no word of a working folder when it is cancelled', () => {
    const { status } = decideOn({
      ...{ discards, cancelAsked: true, head: restoreHead(1) },
      status: {
        ending: { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' },
        areas: [{ library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Done' }],
      },
    });
    expect(finaliseRestore(status, 1, now)).toMatchObject({ phase: 'Cancelled', message: 'spec.cancel is set' });
  });

  it('knows copies that are on one tape twice as one', () => {
    const { status } = decideOn({
      ...{ discards, choice: aChoice({ copies: [...copiesOn(0), ...copiesOn(0)] }) },
    });
    expect(status.areas).toMatchObject([{ tape: 't0', segments: 4 }]);
  });
});

const commit = (more: Partial<Commit> = {}): Commit => ({
  ...{
    library: 'lib-0',
    tape: 't0',
    barcode: 'T0',
    labelId: 'l',
    group: 4,
    bytes: 1,
    blocks: 1,
    files: 1,
    entries: 1,
    indexOffset: 0,
  },
  ...{ sha256: 'a'.repeat(64), writtenAt: now, epoch: 1, encoding: 'NN', kind: 'D' },
  ...more,
});

describe('what a commit bears', () => {
  const at = '2030-05-05T00:00:00.000Z';
  const good = { readBack: [{ barcode: 'T0', labelId: 'l', first: 2, last: 5 }] };
  it('is when it was read and found good', () => {
    expect(withFindings({ 3: commit() }, good, at)).toEqual({ 3: commit({ verifiedAt: at }) });
  });
  it('is what it bore before, where it was not read, or where the tape bears another label now', () => {
    expect(withFindings({ 1: commit({ verifiedAt: now }) }, good, at)).toBeUndefined();
    expect(withFindings({ 3: commit({ labelId: 'other' }) }, good, at)).toBeUndefined();
  });
  it('is nothing any more, where it is bad; another copy on the same tape is left alone', () => {
    const badSegments = [{ segment: 3, barcode: 'T0', group: 4 }];
    expect(withFindings({ 3: commit({ verifiedAt: now }) }, { badSegments }, at)).toEqual({ 3: commit() });
    expect(withFindings({ 3: commit({ group: 5, verifiedAt: now }) }, { badSegments }, at)).toBeUndefined();
  });
});

describe('the condition Verified', () => {
  const ok = { result: 'Succeeded', reason: 'Verified', message: 'all were read' } as const;
  const commits = [commit({ verifiedAt: now }), commit({ barcode: 'T1' })];
  const rows = [
    {
      name: 'True when every commit was read',
      given: { ending: ok, commits: commits.slice(0, 1), bad: 0 },
      told: 'True CopiesAgree',
    },
    {
      name: 'Unknown while a commit was never read',
      given: { ending: ok, commits, bad: 0 },
      told: 'Unknown PartlyVerified',
    },
    {
      name: 'False when a copy is bad',
      given: { ending: { result: 'Failed', reason: 'CopiesBad', message: 'x' } as const, commits, bad: 1 },
      told: 'False CopiesBad',
    },
    {
      name: 'False when a copy could not be read',
      given: { ending: { result: 'Failed', reason: 'NoUsableTape', message: 'x' } as const, commits, bad: 0 },
      told: 'False NoUsableTape',
    },
    {
      name: 'False when it was cancelled after a bad copy',
      given: { ending: { result: 'Cancelled', reason: 'Cancelled', message: 'x' } as const, commits, bad: 1 },
      told: 'False CopiesBad',
    },
  ];
  it.each(rows)('is $name', ({ given, told }) => {
    const found = judgeVerified({ ...given, nowIso: now });
    expect(`${found?.status ?? ''} ${found?.reason ?? ''}`).toBe(told);
  });
  it('stays as it is when it was cancelled', () => {
    const ending = { result: 'Cancelled', reason: 'Cancelled', message: 'x' } as const;
    expect(judgeVerified({ ending, commits, bad: 0, nowIso: now })).toBeUndefined();
  });
});
