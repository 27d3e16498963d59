import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { closeFd, O_DIRECTORY, O_RDONLY, openAt, AT_FDCWD } from '../../../src/posix/file.ts';
import {
  askedWord,
  createOpenAheadMemory,
  flagsOrResultWord,
  openSlots,
  slotState,
  stateWord,
  viewOpenAhead,
} from '../../../src/worker/open-ahead-memory.ts';
import { OpenAhead } from '../../../src/worker/open-ahead.ts';
import { serveOpenAhead } from '../../../src/worker/open-ahead-service.ts';
import { run } from '../../support/shell.ts';
import type { AheadAnswer, AheadTask } from './fixtures/ahead-writer.ts';

const isAnswer = (value: unknown): value is AheadAnswer =>
  typeof value === 'object' && value !== null && 'sha256' in value;

const write = async (task: AheadTask): Promise<AheadAnswer> => {
  const thread = new Worker(new URL('./fixtures/ahead-writer.ts', import.meta.url));
  thread.postMessage(task);
  const said: unknown[] = await once(thread, 'message');
  await thread.terminate();
  const [answer] = said;
  if (!isAnswer(answer)) throw new TypeError('no answer');
  return answer;
};

const makeSource = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'twinreel-ahead-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const fill = (folder: string, files: number): void => {
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < files; i += 1) writeFileSync(join(folder, `file-${i}`), randomBytes(i * 31));
    symlinkSync('file-3', join(folder, 'file-30-link'));
    mkdirSync(join(folder, 'file-31-folder'), { recursive: true });
    linkSync(join(folder, 'file-5'), join(folder, 'file-50-name'));
    execFileSync('mkfifo', [join(folder, 'file-32-fifo')]);
  };
  fill(root, 120);
  fill(join(root, 'file-31-folder'), 90);
  fill(join(root, 'file-31-folder', 'file-31-folder'), 300);
  fill(join(root, 'last'), 6);
  writeFileSync(join(root, 'n'.repeat(255)), 'a name as long as names can be');
  return root;
};

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('opening ahead', () => {
  it('gives the same bytes as opening in turn, and leaves no file open', async () => {
    const source = makeSource();
    const memory = createOpenAheadMemory();
    const stop = new AbortController();
    const serving = serveOpenAhead(memory, stop.signal);
    const ahead = await write({ source, memory });
    stop.abort();
    await serving;
    const inTurn = await write({ source });
    expect(ahead.files).toBe(517);
    expect(ahead.sha256).toBe(inTurn.sha256);
    expect(ahead.openAfter).toBe(ahead.openBefore);
  });

  it('leaves threads to those who read a token, as to the heartbeat, while the source hangs', async () => {
    const script = join(import.meta.dirname, 'fixtures', 'hanging-source.ts');
    const { code, stdout, stderr } = await run(process.execPath, [script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('a token was read while 8 files were being opened\n');
  });

  it('tells what it asked for also where the slots come to an end in the middle', () => {
    const folder = openAt(AT_FDCWD, makeSource(), O_RDONLY | O_DIRECTORY);
    onTestFinished(() => void closeFd(folder));
    const memory = createOpenAheadMemory();
    // Every file is slow to open, and nobody answers.
    const ahead = new OpenAhead(memory, -1);
    for (let i = 0; i < 16; i += 1) closeFd(ahead.open(folder, 'file-1', O_RDONLY));
    const { words } = viewOpenAhead(memory);
    const names = Array.from({ length: 40 }, (_, i) => `file-${i}`);
    const told: number[] = [];
    // 20 slots, then 32: of the third folder only 12 can be asked for.
    for (const [number, count] of [20, 40, 40].entries()) {
      const before = Atomics.load(words, askedWord);
      ahead.enter(number, names.slice(0, count), 0);
      told.push(Atomics.load(words, askedWord) - before);
    }
    const states = Array.from({ length: openSlots }, (_, slot) => Atomics.load(words, stateWord(slot)));
    expect(states).toEqual(states.map(() => slotState.asked));
    expect(told).toEqual([1, 1, 1]);
  });

  it('keeps what comes behind a name that could not be opened and is asked for again', () => {
    const folder = openAt(AT_FDCWD, makeSource(), O_RDONLY | O_DIRECTORY);
    onTestFinished(() => void closeFd(folder));
    const memory = createOpenAheadMemory();
    const { words } = viewOpenAhead(memory);
    const slots = Array.from({ length: openSlots }, (_, slot) => stateWord(slot));
    const ahead = new OpenAhead(memory, -1);
    for (let i = 0; i < 16; i += 1) closeFd(ahead.open(folder, 'file-1', O_RDONLY));
    ahead.enter(folder, ['gone-1', 'gone-2', 'gone-3'], 0);
    for (const [slot, word] of slots.entries()) {
      if (Atomics.compareExchange(words, word, slotState.asked, slotState.done) !== slotState.asked) continue;
      words[flagsOrResultWord(slot)] = -1;
    }
    for (let i = 0; i < 2; i += 1) expect(ahead.open(folder, 'gone-1', O_RDONLY)).toBe(-constants.errno.ENOENT);
    expect(slots.filter((word) => Atomics.load(words, word) === slotState.done)).toHaveLength(2);
    ahead.leave(folder);
    expect(slots.every((word) => Atomics.load(words, word) === slotState.free)).toBe(true);
  });
});
