import { describe, expect, it } from 'vitest';
import { plain, type Paint } from '../../../src/cli/paint.ts';
import { progressBar } from '../../../src/cli/progress-bar.ts';
import { formatStatusTable } from '../../../src/cli/status-table.ts';
import { tellStory } from '../../../src/cli/story.ts';
import { cut, makeScreen } from '../../../src/cli/terminal.ts';
import { ago, jobOf, nowMs, restoreOf, runningGrant } from './work.ts';

const story = (
  ...[work, records = []]: [Parameters<typeof tellStory>[0], Parameters<typeof tellStory>[1]['records']?]
) => tellStory(work, { nowMs, paint: plain, records }).join('\n');

describe('the table of status', () => {
  it('has the columns of kubectl, jobs and restores alike', () => {
    const running = jobOf('nightly', {
      phase: 'Running',
      streamsText: '2/2',
      failovers: 1,
      reason: 'Writing',
      startTime: ago(240),
      progress: { percent: '42%', bytesDone: 42, bytesTotal: 100 },
    });
    const table = formatStatusTable([running, restoreOf('back')], {
      nowMs,
      paint: plain,
      withNamespace: false,
      withBars: false,
      wide: false,
    });
    expect(table).toEqual([
      'NAME                PHASE     PROGRESS   STREAMS   FAILOVERS   REASON    STARTED   AGE',
      'backupjob/nightly   Running   42%        2/2       1           Writing   4m        5m',
      'restore/back        New       -          -         -           -         -         90s',
    ]);
  });

  it('shows namespaces and bars where they are asked for, but no bar for what has ended', () => {
    const progress = { percent: '50%', bytesDone: 1, bytesTotal: 2 };
    const work = [
      jobOf('a', { phase: 'Running', progress }, 'shop'),
      jobOf('b', { phase: 'Failed', progress, completionTime: ago(1) }),
    ];
    const [header, a, b] = formatStatusTable(work, {
      nowMs,
      paint: plain,
      withNamespace: true,
      withBars: true,
      wide: false,
    });
    expect(header).toMatch(/^NAMESPACE {3}NAME/);
    expect(a).toMatch(/^shop .*\[#{10}\.{10}\] {2}50%/);
    expect(b).toMatch(/^default .*Failed {4}50% /);
  });
});

describe('what tenants have written', () => {
  const clear = '\u001b[2J\u001b]0;owned\u0007\u009b31m';
  const escaped = '\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m';
  const tone: Paint = (_tone, text) => `<${text}>`;
  const controls = /[\u0000-\u001f\u007f-\u009f\u202e]/;

  it('does nothing to the terminal in the table', () => {
    const options = { nowMs, paint: tone, withNamespace: true, withBars: false, wide: false };
    const [, row = ''] = formatStatusTable([jobOf('a', { phase: 'Failed', reason: clear })], options);
    expect(row).toContain(escaped);
    expect(row).toContain('<Failed>');
    expect(row).not.toMatch(controls);
  });

  it('does nothing to the terminal in a story, and makes no lines of its own', () => {
    const hook = { when: 'Before', index: 0, state: 'Failed', message: `${clear}\r\nConditions\u202e` } as const;
    const job = jobOf('a', { phase: 'Failed', message: `no${clear}`, hooks: [hook], records: ['r'] });
    const area = { state: 'Done', first: 0, last: 1, library: 'l', barcode: 'b', message: clear } as const;
    const restore = restoreOf('b', {
      areas: [{ ...area, tape: 't' }],
      failures: [{ path: `x${clear}`, reason: 'FileTorn', message: clear }],
    });
    for (const work of [job, restore]) {
      const lines = tellStory(work, { nowMs, paint: tone, records: [] });
      expect(lines.join('')).toContain(escaped);
      for (const line of lines) expect(line).not.toMatch(controls);
    }
    expect(tellStory(job, { nowMs, paint: tone, records: [] })).toContainEqual(
      expect.stringContaining(`${escaped}\\r\\nConditions\\u202e`),
    );
  });
});

describe('the bar', () => {
  it('is empty without a plan, full at the end, and goes by segments where there are no bytes', () => {
    expect(progressBar(undefined, 4)).toBe('[....]    -');
    expect(progressBar({ bytesDone: 8, bytesTotal: 8, percent: '100%' }, 4)).toBe('[####] 100%');
    expect(progressBar({ bytesTotal: 0, segmentsDone: 1, segmentsTotal: 2, percent: '50%' }, 4)).toBe('[##..]  50%');
    expect(progressBar({ bytesDone: 999, bytesTotal: 1000, percent: '99%' }, 4)).toBe('[###.]  99%');
  });
});

describe('the story of a job', () => {
  it('leads from server to tape, with what each stream does now', () => {
    const text = story(jobOf('nightly', { phase: 'Running', streams: [runningGrant], processNumber: 17 }));
    expect(text).toContain('BackupJob default/nightly   Running');
    expect(text).toContain('/data by 2 routes (2 active) onto 2 copies; process 17');
    expect(text).toMatch(
      /0 +1 +Running +server-0 → switch-0,switch-1 → library-0\/drive-1 → A00000L9 +Writing 3s +100 MiB\/s +12 +3\.0 GiB/,
    );
  });

  it('names what a queued job waits for, and who holds it', () => {
    const holder = {
      kind: 'BackupJob',
      namespace: 'shop',
      name: 'orders',
      uid: 'u',
      epoch: 1,
      processNumber: 3,
      stream: 1,
    };
    const blocker = {
      kind: 'Drive',
      name: 'library-0/drive-1',
      reason: 'InUse',
      holder: { ...holder, kind: 'BackupJob' as const },
    };
    const text = story(
      jobOf('nightly', { phase: 'Queued', queue: { position: 2, since: ago(61), blockedBy: [blocker] } }),
    );
    expect(text).toContain('place 2, for 61s; waits for');
    expect(text).toContain('- Drive library-0/drive-1: InUse; held by BackupJob shop/orders, stream 1');
  });

  it('tells every failover: which grant failed and why, which went on and where', () => {
    const failover = {
      stream: 1,
      fromEpoch: 2,
      toEpoch: 3,
      segment: 7,
      reason: 'TapeWriteError',
      message: 'EIO',
      at: ago(5),
    };
    const text = story(
      jobOf('n', { failovers: 1, replacements: 1, bytesRewritten: 2 ** 20, failoverHistory: [failover] }),
    );
    expect(text).toContain('1 failover, 1 route secured anew, 1.0 MiB written again');
    expect(text).toContain('5s ago: stream 1, grant 2 failed (TapeWriteError: EIO); grant 3 went on at segment 7');
  });

  it('shows records with their areas where they can be read, else by name', () => {
    const area = {
      library: 'library-0',
      tape: 'a',
      barcode: 'A00000L9',
      labelId: 'x',
      firstSegment: 0,
      lastSegment: 9,
      bytes: 2 ** 30,
      epoch: 1,
    };
    const record = {
      metadata: { name: 'r-s0' },
      spec: {
        type: 'Stream' as const,
        stream: 0,
        job: { kind: 'BackupJob' as const, namespace: 'd', name: 'n', uid: 'u', processNumber: 1 },
      },
      status: { areas: [area] },
    };
    const text = story(jobOf('n', { records: ['r-s0', 'r-s1'] }), [record]);
    expect(text).toMatch(/r-s0 +stream 0 +segments 0–9 +library-0, tape A00000L9 +1\.0 GiB/);
    expect(text).toMatch(/^ {2}r-s1$/m);
    expect(text).toContain('kept for ever');
  });

  it('tells shares of what is known beforehand, and only amounts of what is not', () => {
    const known = {
      bytesDone: 2048,
      bytesTotal: 4096,
      segmentsDone: 2,
      segmentsTotal: 4,
      filesDone: 6,
      filesTotal: 18,
    };
    expect(story(jobOf('n', { progress: known }))).toContain(
      '1.0 KiB of 2.0 KiB  1 of 2 segments  3 of 9 files  onto each of 2 copies, on average',
    );
    const unknown = { bytesDone: 1024, segmentsDone: 1, segmentsTotal: 1 };
    expect(story(restoreOf('n', { progress: unknown }))).toMatch(/1\.0 KiB {2}1 of 1 segment$/m);
  });

  it('leaves out parts that have nothing to say', () => {
    expect(story(jobOf('n'))).not.toMatch(/Streams|Queue|Failovers|Conditions|Records|undefined|NaN/);
  });
});

describe('the story of a restore', () => {
  it('tells areas, what came back and what did not', () => {
    const text = story(
      restoreOf('back', {
        phase: 'Failed',
        areas: [{ library: 'library-0', tape: 'a', barcode: 'A00000L9', first: 0, last: 3, bytes: 5, state: 'Done' }],
        filesRestored: 12,
        bytesRestored: 2048,
        segmentsRead: 4,
        failures: [{ path: 'docs/a', reason: 'FileTorn' }],
        failureCount: 3,
        damaged: 1,
        attributesFailed: 40,
        kept: 2,
        examples: [
          { path: 'db/live', reason: 'Damaged', message: 'padded' },
          { path: 'docs', reason: 'AttributeFailed', message: 'owner: EPERM' },
        ],
        badSegments: [{ segment: 2, tape: 'a', reason: 'DigestMismatch' }],
      }),
    );
    expect(text).toContain('1 path of nightly into /out');
    expect(text).toMatch(/0 +Done +0–3 +library-0, tape A00000L9 +5 B/);
    expect(text).toContain('12 files, 2.0 KiB; 4 segments read');
    expect(text).toContain('docs/a: FileTorn');
    expect(text).toContain('and 2 others');
    expect(text).toMatch(/1 file padded, cut or changed when backed up\n +db\/live: padded/);
    expect(text).toMatch(/40 attributes that could not be set\n +docs: owner: EPERM/);
    expect(text).toContain('2 paths that were there already and were left');
    expect(text).not.toContain('hard link');
    expect(text).toContain('segment 2 on a: DigestMismatch');
  });

  it('names the folder within a claim', () => {
    const { kind, object } = restoreOf('back');
    if (kind !== 'Restore') throw new Error('not a restore');
    const persistentVolumeClaim = { claimName: 'restored', volumeMode: 'Filesystem', path: 'second-copy' } as const;
    const into = { kind, object: { ...object, spec: { ...object.spec, target: { persistentVolumeClaim } } } } as const;
    expect(story(into)).toContain('of nightly into second-copy in claim restored');
  });
});

describe('a terminal', () => {
  const fakeStream = (isTTY: boolean) => {
    const written: string[] = [];
    const stream = { isTTY, rows: 4, columns: 10, write: (text: string) => written.push(text) > 0 };
    return { written, screen: makeScreen(stream) };
  };

  it('is drawn over in place, cut to its width and height', () => {
    const { screen, written } = fakeStream(true);
    screen.redraw(['a line that is too long', '2', '3', '4']);
    screen.redraw(['x']);
    expect(written[0]?.split('\n')).toEqual(['\u001b[0Ja line th…', '2', '3', '']);
    expect(written[1]).toBe('\u001b[3A\r\u001b[0Jx\n');
  });

  it('is what a pipe is not: there every line stays', () => {
    const { screen, written } = fakeStream(false);
    screen.redraw(['a line that is too long', '2', '3', '4']);
    expect(written).toEqual(['a line that is too long\n2\n3\n4\n']);
  });

  it('loses the colours of a line that is cut', () => {
    expect(cut('\u001b[31mred\u001b[39m', 3)).toBe('\u001b[31mred\u001b[39m');
    expect(cut('\u001b[31mreddish\u001b[39m', 3)).toBe('re…');
  });
});
