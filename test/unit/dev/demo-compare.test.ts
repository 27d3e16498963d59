import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requireSame } from '../../../dev/demo/compare.ts';
import { DemoError } from '../../../dev/demo/demo-error.ts';
import { makeTeller, type Teller } from '../../../dev/demo/teller.ts';
import { Timeline } from '../../../dev/demo/timeline.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

let temp: ReturnType<typeof makeTempFolder>;
let left: string;
let right: string;
let said: string[];
let teller: Teller;

beforeEach(() => {
  temp = makeTempFolder('tw-demo-compare-');
  left = path.join(temp.path, 'left');
  right = path.join(temp.path, 'right');
  for (const side of [left, right]) {
    mkdirSync(side);
    writeFileSync(path.join(side, 'file'), 'content');
    writeFileSync(path.join(side, 'other: 100%'), 'content');
    for (const name of ['file', 'other: 100%', '.']) utimesSync(path.join(side, name), 1e9, 1e9);
  }
  said = [];
  const note = (text: string): void => void said.push(text);
  teller = { ...makeTeller(process.stdout), say: note, good: note };
});

afterEach(() => {
  temp.remove();
});

const compare = (since: Date): Promise<void> => {
  const stage = { teller, times: new Timeline(), signal: new AbortController().signal };
  return requireSame(stage, 'the copy', { left, right, options: {} }, since);
};

const later = (): Date => new Date(Date.now() + 60_000);

test('equal trees are told as identical', async () => {
  await compare(later());
  expect(said.join('\n')).toMatch(/the copy: identical to the source \(2 files with 14 B/);
});

test('a byte that differs fails the demo and is named', async () => {
  writeFileSync(path.join(right, 'file'), 'c0ntent');
  utimesSync(path.join(right, 'file'), 1e9, 1e9);
  await expect(compare(later())).rejects.toThrow(/the copy: NOT the same as the source.*\n *file: content from byte 0/);
});

test('a time that differs fails the demo, and so does a file that is missing', async () => {
  utimesSync(path.join(right, 'file'), 1e9, 1e9 + 1);
  rmSync(path.join(right, 'other: 100%'));
  const failure = compare(later());
  await expect(failure).rejects.toThrow(DemoError);
  await expect(failure).rejects.toThrow(/file: mtime/);
  await expect(failure).rejects.toThrow(/other: 100%25: only on the left/);
});

test('what was changed in the source after the backup began is told and fails nothing', async () => {
  const since = new Date(Date.now() - 60_000);
  // The other tree's files were made just now, too: only a difference is excused by its time.
  writeFileSync(path.join(left, 'file'), 'newer content');
  rmSync(path.join(left, 'other: 100%'));
  await compare(since);
  expect(said.join('\n')).toMatch(/changed in the source since the backup began, not compared: .*file/);
});
