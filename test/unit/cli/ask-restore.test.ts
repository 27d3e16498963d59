import { describe, expect, it } from 'vitest';
import { backupFor } from '../../../src/cli/ask-restore.ts';
import { jobOf } from './work.ts';

const job = (name: string, completionTime: string) => {
  const work = jobOf(name, { phase: 'Succeeded', completionTime });
  if (work.kind !== 'BackupJob') throw new TypeError('no job');
  return work.object;
};

/** The newest first, as they are shown. */
const jobs = [job('new', '2026-11-01T00:00:00Z'), job('mid', '2026-10-15T12:00:00Z'), job('2', '2026-10-01T00:00:00Z')];

describe('the answer to which backup', () => {
  it.each([
    { name: 'a number of the list', answer: '1', found: 'new' },
    { name: 'a name, even one that looks like a number', answer: '2', found: '2' },
    { name: 'a time: the newest that was done then', answer: '2026-10-20T00:00:00Z', found: 'mid' },
    { name: 'the very time of one', answer: '2026-10-15T12:00:00Z', found: 'mid' },
    { name: 'a day', answer: '2026-10-02', found: '2' },
    { name: 'a time before all', answer: '2026-09-01', found: undefined },
    { name: 'a number beyond the list', answer: '4', found: undefined },
    { name: 'zero', answer: '0', found: undefined },
    { name: 'something else', answer: 'tomorrow', found: undefined },
  ])('is $name', ({ answer, found }) => {
    expect(backupFor(answer, jobs)?.metadata.name).toBe(found);
  });
});
