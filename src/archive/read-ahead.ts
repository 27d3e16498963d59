import type { Bytes } from '../posix/bytes.ts';

/**
 * Opens files before their turn, where opening takes long. It is told where the walk is and what it will meet; nothing
 * that it opens too early or in vain may be seen from outside.
 */
export interface ReadAhead {
  /** The walk has opened a folder and will meet these names in this order, from position `at` on. */
  enter(folder: number, names: readonly Bytes[], at: number): void;
  /** As `openAt`: a descriptor or −errno. */
  open(folder: number, name: Bytes, flags: number): number;
  /** The folder is about to be closed. */
  leave(folder: number): void;
}
