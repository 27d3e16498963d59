import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeFd } from '../../../src/posix/file.ts';
import { WorkerFailure } from '../../../src/worker/failure.ts';
import { openSourceFolder, openTargetFolder, pathOfFd } from '../../../src/worker/host-folder.ts';

let folder: string;
/** What the owner allows, and what it does not. */
let allowed: string;
let secret: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-host-folder-'));
  allowed = join(folder, 'srv/team-a');
  secret = join(folder, 'etc');
  mkdirSync(join(allowed, 'data/inner'), { recursive: true });
  mkdirSync(join(secret, 'inner'), { recursive: true });
  writeFileSync(join(allowed, 'data/mine'), '');
  writeFileSync(join(secret, 'shadow'), '');
  symlinkSync(secret, join(allowed, 'x'));
  symlinkSync('../../etc', join(allowed, 'data/up'));
  symlinkSync('data', join(allowed, 'inside'));
  symlinkSync(allowed, join(folder, 'owners-link'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const openers = { source: openSourceFolder, target: openTargetFolder };

const namesIn = (open: typeof openSourceFolder, beneath: string, mount = allowed): readonly string[] => {
  const fd = open(mount, { prefix: '/srv/team-a', beneath });
  try {
    return readdirSync(pathOfFd(fd)).toSorted();
  } finally {
    closeFd(fd);
  }
};

const failureOf = (open: typeof openSourceFolder, beneath: string): WorkerFailure => {
  try {
    closeFd(open(allowed, { prefix: '/srv/team-a', beneath }));
  } catch (error) {
    if (error instanceof WorkerFailure) return error;
    throw error;
  }
  throw new Error(`${beneath} was opened`);
};

describe.each(['source', 'target'] as const)('a folder of the host as a %s', (kind) => {
  const open = openers[kind];
  const reason = kind === 'source' ? 'SourceNotReachable' : 'TargetNotAllowed';

  it('is the prefix or what lies beneath it', () => {
    expect(namesIn(open, '')).toEqual(['data', 'inside', 'x']);
    expect(namesIn(open, 'data')).toEqual(['inner', 'mine', 'up']);
    expect(namesIn(open, './data//inner')).toEqual([]);
  });

  it('may have a prefix that is a link: that is the word of the owner', () => {
    expect(namesIn(open, 'data', join(folder, 'owners-link'))).toEqual(['inner', 'mine', 'up']);
  });

  it.each([
    ['a link that leads out', 'x', '/srv/team-a/x'],
    ['a folder behind a link that leads out', 'x/inner', '/srv/team-a/x'],
    ['a link further down', 'data/up/inner', '/srv/team-a/data/up'],
    ['a link that stays within', 'inside', '/srv/team-a/inside'],
  ])('is not %s', (_what, beneath, component) => {
    const failure = failureOf(open, beneath);
    expect(failure).toMatchObject({ reason, fault: kind });
    expect(failure.message).toContain(`${component} is a symbolic link, and none is followed beneath /srv/team-a`);
  });

  it('is not reached by going up', () => {
    expect(failureOf(open, 'data/../../../etc')).toMatchObject({ fault: kind });
  });

  it('is not a file', () => {
    expect(failureOf(open, 'data/mine').message).toContain('/srv/team-a/data/mine: ENOTDIR');
  });
});

describe('a folder that is not there', () => {
  it('is no source', () => {
    const failure = failureOf(openSourceFolder, 'none/at/all');
    expect(failure).toMatchObject({ reason: 'SourceNotReadable', fault: 'source' });
    expect(failure.message).toBe("The source can't be opened: /srv/team-a/none: ENOENT.");
    expect(existsSync(join(allowed, 'none'))).toBe(false);
  });

  it('is made as a target, beneath the prefix only', () => {
    expect(namesIn(openTargetFolder, 'new/deep/down')).toEqual([]);
    expect(statSync(join(allowed, 'new/deep/down')).mode & 0o7777).toBe(0o755 & ~process.umask());
    failureOf(openTargetFolder, 'x/made/there');
    failureOf(openTargetFolder, 'data/up/made');
    expect(readdirSync(secret).toSorted()).toEqual(['inner', 'shadow']);
  });
});
