import { constants, openSync, closeSync, readFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OverlappedWrite } from '../../../src/posix/overlapped-write.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

let folder: ReturnType<typeof makeTempFolder>;
let file: string;
let fd: number;

beforeEach(() => {
  folder = makeTempFolder('twinreel-overlapped-');
  file = join(folder.path, 'file');
  fd = openSync(file, constants.O_RDWR | constants.O_CREAT);
});
afterEach(() => {
  closeSync(fd);
  folder.remove();
});

const open = (): OverlappedWrite => {
  const opened = OverlappedWrite.open();
  if (opened === undefined) throw new Error('this libc has no aio_write');
  return opened;
};

test('a write stands in the file when the call returns, and other work was done once meanwhile', () => {
  const overlapped = open();
  for (let at = 0; at < 20; at += 1) {
    const bytes = Buffer.alloc(65_536, at);
    let calls = 0;
    expect(overlapped.write(fd, bytes, at * bytes.length, () => (calls += 1))).toBe(bytes.length);
    expect(calls).toBe(1);
    expect(
      readFileSync(file)
        .subarray(at * bytes.length)
        .equals(bytes),
    ).toBe(true);
    bytes.fill(0xff);
  }
});

test('a write that fails gives its error, and the other work was done all the same', () => {
  const readable = openSync(file, constants.O_RDONLY);
  let calls = 0;
  expect(open().write(readable, Buffer.alloc(10), 0, () => (calls += 1))).toBe(-osConstants.errno.EBADF);
  expect(calls).toBe(1);
  closeSync(readable);
});

test('what the other work throws comes out after the write has ended', () => {
  const bytes = Buffer.alloc(4 * 1_048_576, 'x');
  const fail = (): never => {
    throw new Error('of the other work');
  };
  expect(() => open().write(fd, bytes, 0, fail)).toThrow('of the other work');
  expect(readFileSync(file).equals(bytes)).toBe(true);
});
