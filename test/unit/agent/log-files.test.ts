import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endedLogsFolder, keepEndedLog } from '../../../src/agent/ended-logs.ts';
import { rotateLog } from '../../../src/agent/log-rotation.ts';
import { readMessage } from '../../../src/agent/termination-message.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-logs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('rotateLog', () => {
  it('leaves a log within its bound alone', () => {
    const log = join(folder, 'a.log');
    writeFileSync(log, '12345');
    expect(rotateLog(log, 5)).toBe(false);
    expect(readFileSync(log, 'utf8')).toBe('12345');
  });

  it('moves the content of a larger one aside, and a process that appends goes on at the beginning', () => {
    const log = join(folder, 'a.log');
    writeFileSync(log, '123456');
    expect(rotateLog(log, 5)).toBe(true);
    expect(readFileSync(`${log}.1`, 'utf8')).toBe('123456');
    expect(statSync(log).size).toBe(0);
  });
});

describe('readMessage', () => {
  const message = (content: string, fallbackLog?: string) => {
    writeFileSync(join(folder, 'message'), content);
    return readMessage({ terminationLog: join(folder, 'message'), fallbackLog });
  };

  it('gives at most the last 4096 bytes', () => {
    expect(message(`first${'x'.repeat(4096)}`)).toBe('x'.repeat(4096));
    expect(Buffer.byteLength(message(`${'ä'.repeat(3000)}x`) ?? '')).toBeLessThanOrEqual(4096);
  });

  it('gives nothing when there is nothing', () => {
    expect(message('')).toBeUndefined();
    expect(readMessage({ terminationLog: join(folder, 'none'), fallbackLog: undefined })).toBeUndefined();
  });

  it('falls back to the last 80 lines and 2048 bytes of the log', () => {
    const log = join(folder, 'log');
    writeFileSync(log, Array.from({ length: 100 }, (_, line) => `${line}\n`).join(''));
    expect(message('', log)?.split('\n')[0]).toBe('20');
    expect(message('said', log)).toBe('said');
    writeFileSync(log, 'y'.repeat(5000));
    expect(message('', log)).toBe('y'.repeat(2048));
  });
});

describe('keepEndedLog', () => {
  it('keeps the newest hundred', () => {
    for (let pod = 0; pod < 103; pod += 1) {
      const log = join(folder, 'worker.log');
      writeFileSync(log, `${pod}`);
      keepEndedLog(folder, { uid: `${pod}`.padStart(8, '0'), name: 'p', namespace: 'n' }, log);
    }
    expect(readdirSync(endedLogsFolder(folder)).length).toBe(100);
  });

  it('is not disturbed by a log that somebody takes away at the same time', () => {
    mkdirSync(endedLogsFolder(folder));
    // Listed, but not there: what a log looks like that was removed in between.
    symlinkSync(join(folder, 'nothing'), join(endedLogsFolder(folder), 'removed.log'));
    writeFileSync(join(folder, 'worker.log'), '');
    keepEndedLog(folder, { uid: '00000000', name: 'p', namespace: 'n' }, join(folder, 'worker.log'));
    expect(readdirSync(endedLogsFolder(folder))).toContain('p-00000000.log');
  });
});
