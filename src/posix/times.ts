import type { Bytes } from './bytes.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, pathOfOpened } from './file.ts';
import { cString, declare } from './libc.ts';

const utimensatCall = declare('int utimensat(int, const uint8_t*, const uint8_t*, int)');
const futimensCall = declare('int futimens(int, const uint8_t*)');

// struct timespec[2]: access and modification
const raw = new ArrayBuffer(32);
const bytes = new Uint8Array(raw);
// Little-endian on every machine that Node runs on; 64 bits in two words, since a BigInt is garbage for each file.
const words = new Int32Array(raw);
const HIGH = 2 ** 32;

const fill = (sec: number, ns: number): Uint8Array => {
  const high = Math.floor(sec / HIGH);
  words[0] = words[4] = sec - high * HIGH;
  words[1] = words[5] = high;
  words[2] = words[6] = ns;
  return bytes;
};

/** Sets access and modification time of an open file to the same instant; `ns` in 0 … 999,999,999 also before 1970. */
export const setTimesFd = (fd: number, sec: number, ns: number): number => futimensCall(fd, fill(sec, ns));

/** The same for what was opened with O_PATH. */
export const setTimesOpened = (fd: number, sec: number, ns: number): number =>
  utimensatCall(AT_FDCWD, cString(pathOfOpened(fd)), fill(sec, ns), 0);

/** The same for a name; a symbolic link is not followed. */
export const setTimesAt = (folder: number, name: Bytes, sec: number, ns: number): number =>
  utimensatCall(folder, cString(name), fill(sec, ns), AT_SYMLINK_NOFOLLOW);
