import type { ReadAhead } from '../archive/read-ahead.ts';
import type { Bytes } from '../posix/bytes.ts';
import { closeFd, openAt } from '../posix/file.ts';
import {
  askedWord,
  flagsOrResultWord,
  folderWord,
  mostNameBytes,
  openSlots,
  slotState,
  stateWord,
  viewOpenAhead,
  type OpenAheadView,
} from './open-ahead-memory.ts';

/** Files that are opened in turn before it is judged whether opening ahead pays. */
const sampleFiles = 16;
/** Asking another thread costs about a tenth of this. */
const defaultSlowOpenMs = 0.3;
/** The rest of the slots is for the folders below. */
const mostAheadInFolder = 32;

interface Ahead {
  readonly name: Bytes;
  readonly slot: number;
}

interface Folder {
  readonly names: readonly Bytes[];
  /** Position in `names` behind the last that was asked for. */
  next: number;
  readonly asked: Ahead[];
}

/** The source's side: asks for the files that come next once opening has shown to be slow. All calls may wait. */
export class OpenAhead implements ReadAhead {
  readonly #view: OpenAheadView;
  readonly #slowOpenMs: number;
  readonly #folders = new Map<number, Folder>();
  readonly #free = Array.from({ length: openSlots }, (_, slot) => slot);
  #samples = 0;
  #spentMs = 0;
  #flags = 0;

  /** @param slowOpenMs  where opening takes longer on average, files are opened ahead */
  constructor(memory: SharedArrayBuffer, slowOpenMs = defaultSlowOpenMs) {
    this.#slowOpenMs = slowOpenMs;
    this.#view = viewOpenAhead(memory);
  }

  /** A new payload: judged anew. */
  begin(): void {
    this.#samples = 0;
    this.#spentMs = 0;
  }

  enter(folder: number, names: readonly Bytes[], at: number): void {
    const entered: Folder = { names, next: at, asked: [] };
    this.#folders.set(folder, entered);
    if (this.#isSlow) this.#ask(folder, entered);
  }

  open(folder: number, name: Bytes, flags: number): number {
    this.#flags = flags;
    if (!this.#isSlow) return this.#openInTurn(folder, name, flags);
    const entered = this.#folders.get(folder);
    if (entered === undefined) return openAt(folder, name, flags);
    const fd = this.#take(entered, name);
    if (fd === undefined && entered.asked.length === 0) skipTo(entered, name);
    this.#ask(folder, entered);
    // What could not be opened ahead tells why when it is opened in turn.
    return fd !== undefined && fd >= 0 ? fd : openAt(folder, name, flags);
  }

  leave(folder: number): void {
    for (const { slot } of this.#folders.get(folder)?.asked ?? []) this.#discard(slot);
    this.#folders.delete(folder);
  }

  get #isSlow(): boolean {
    return this.#samples >= sampleFiles && this.#spentMs / this.#samples > this.#slowOpenMs;
  }

  #openInTurn(folder: number, name: Bytes, flags: number): number {
    if (this.#samples >= sampleFiles) return openAt(folder, name, flags);
    const begunAt = performance.now();
    const fd = openAt(folder, name, flags);
    this.#spentMs += performance.now() - begunAt;
    this.#samples += 1;
    return fd;
  }

  /**
   * What was opened ahead under this name; what was asked for before it is not wanted any more. Names ascend, and a name
   * may be asked for again that could not be opened: what comes behind it stays.
   */
  #take({ asked }: Folder, name: Bytes): number | undefined {
    for (let ahead = asked[0]; ahead !== undefined && ahead.name <= name; ahead = asked[0]) {
      asked.shift();
      if (ahead.name === name) return this.#await(ahead.slot);
      this.#discard(ahead.slot);
    }
    return undefined;
  }

  #ask(folder: number, entered: Folder): void {
    const { words, names } = this.#view;
    while (entered.asked.length < mostAheadInFolder && entered.next < entered.names.length) {
      const name = entered.names[entered.next] ?? '';
      const slot = this.#free.pop();
      // What was asked for before has to be told all the same.
      if (slot === undefined) break;
      entered.next += 1;
      const written = names[slot]?.write(name, 0, mostNameBytes, 'latin1') ?? 0;
      names[slot]?.writeUInt8(0, written);
      words[folderWord(slot)] = folder;
      words[flagsOrResultWord(slot)] = this.#flags;
      Atomics.store(words, stateWord(slot), slotState.asked);
      entered.asked.push({ name, slot });
    }
    Atomics.add(words, askedWord, 1);
    Atomics.notify(words, askedWord);
  }

  #await(slot: number): number {
    const { words } = this.#view;
    for (let state = Atomics.load(words, stateWord(slot)); state !== slotState.done;) {
      Atomics.wait(words, stateWord(slot), state);
      state = Atomics.load(words, stateWord(slot));
    }
    const fd = words[flagsOrResultWord(slot)] ?? -1;
    Atomics.store(words, stateWord(slot), slotState.free);
    this.#free.push(slot);
    return fd;
  }

  #discard(slot: number): void {
    const fd = this.#await(slot);
    if (fd >= 0) closeFd(fd);
  }
}

/** Goes on behind the file that is opened in turn now. */
const skipTo = (folder: Folder, name: Bytes): void => {
  const at = folder.names.indexOf(name, folder.next);
  if (at >= 0) folder.next = at + 1;
};
