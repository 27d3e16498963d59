import koffi from 'koffi';
import {
  askedWord,
  flagsOrResultWord,
  folderWord,
  openSlots,
  slotState,
  stateWord,
  viewOpenAhead,
} from './open-ahead-memory.ts';

/** Half of libuv's threads (`thread-pool.ts`): all of these may hang in the source. Each costs koffi a stack, too. */
const mostAtOnce = 8;

const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_TYPE_AND_SIZE = 0x001 | 0x200;
const modeOffset = 28;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const WILLNEED = 3;
const O_CLOEXEC = 0o2000000;

type Call = (...given: readonly (number | Buffer)[]) => Promise<number>;

interface Calls {
  readonly statx: Call;
  readonly openat: Call;
  readonly advise: Call;
}

/** libc's calls on libuv's threads: the calling thread goes on. */
const declareCalls = (): Calls => {
  const libc = koffi.load('libc.so.6');
  const asynchronous = (signature: string): Call => {
    const { async: begin } = libc.func(signature);
    return (...given) =>
      new Promise((resolve) => {
        begin(...given, (_: unknown, result: unknown) => resolve(Number(result)));
      });
  };
  return {
    statx: asynchronous('int statx(int, const uint8_t*, int, unsigned int, uint8_t*)'),
    openat: asynchronous('int openat(int, const uint8_t*, int, unsigned int)'),
    advise: asynchronous('int posix_fadvise(int, int64_t, int64_t, int)'),
  };
};

/**
 * Opens what the source's thread asks for, until the signal is aborted: regular files only, since opening anything else
 * may do something. Also tells the kernel to read them.
 */
export const serveOpenAhead = async (memory: SharedArrayBuffer, signal: AbortSignal): Promise<void> => {
  const { words, names } = viewOpenAhead(memory);
  let calls: Calls | undefined;
  let atOnce = 0;
  const serve = async (slot: number, name: Buffer, { statx, openat, advise }: Calls): Promise<void> => {
    const folder = words[folderWord(slot)] ?? -1;
    const flags = words[flagsOrResultWord(slot)] ?? 0;
    const stat = Buffer.alloc(256);
    let fd = -1;
    const looked = await statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE_AND_SIZE, stat);
    if (looked === 0 && (stat.readUInt16LE(modeOffset) & S_IFMT) === S_IFREG)
      fd = await openat(folder, name, flags | O_CLOEXEC, 0);
    if (fd >= 0) await advise(fd, 0, 0, WILLNEED);
    words[flagsOrResultWord(slot)] = fd;
    Atomics.store(words, stateWord(slot), slotState.done);
    Atomics.notify(words, stateWord(slot));
  };
  const begin = (): void => {
    for (let slot = 0; slot < openSlots && atOnce < mostAtOnce; slot += 1) {
      const name = names[slot];
      if (name === undefined) continue;
      if (Atomics.compareExchange(words, stateWord(slot), slotState.asked, slotState.taken) !== slotState.asked)
        continue;
      calls ??= declareCalls();
      atOnce += 1;
      void serve(slot, name, calls).finally(() => {
        atOnce -= 1;
        begin();
      });
    }
  };
  // Not a race with a promise of the abort: each turn would leave a reaction on that, one per file that is waited for.
  signal.addEventListener('abort', () => Atomics.notify(words, askedWord), { once: true });
  while (!signal.aborted) {
    const seen = Atomics.load(words, askedWord);
    begin();
    const { async: waits, value } = Atomics.waitAsync(words, askedWord, seen);
    if (waits) await value;
  }
};
