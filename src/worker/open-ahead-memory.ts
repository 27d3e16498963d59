/**
 * Requests to open files, in shared memory between the thread at the source, which asks, and the main thread, which
 * lets libuv's threads do it. The states of a slot: free → asked (by the source) → done (by the main thread) → free.
 */
export const openSlots = 64;
export const slotState = { free: 0, asked: 1, taken: 2, done: 3 } as const;

const nameBytes = 256;
const slotWords = 4;
const headWords = 1;
const headBytes = (headWords + openSlots * slotWords) * Int32Array.BYTES_PER_ELEMENT;

export const createOpenAheadMemory = (): SharedArrayBuffer => new SharedArrayBuffer(headBytes + openSlots * nameBytes);

/** Word 0 counts what was asked for; four words a slot: state, folder, flags (asked) or result (done), name's length. */
export interface OpenAheadView {
  readonly words: Int32Array;
  readonly names: readonly Buffer[];
}

export const viewOpenAhead = (memory: SharedArrayBuffer): OpenAheadView => ({
  words: new Int32Array(memory, 0, headWords + openSlots * slotWords),
  names: Array.from({ length: openSlots }, (_, slot) => Buffer.from(memory, headBytes + slot * nameBytes, nameBytes)),
});

export const askedWord = 0;
export const stateWord = (slot: number): number => headWords + slot * slotWords;
export const folderWord = (slot: number): number => stateWord(slot) + 1;
export const flagsOrResultWord = (slot: number): number => stateWord(slot) + 2;
/** A file name has at most 255 bytes; its closing NUL stands behind it. */
export const mostNameBytes = nameBytes - 1;
