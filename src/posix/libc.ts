import koffi from 'koffi';
import type { Bytes } from './bytes.ts';

// Every call here is synchronous and made from one thread at a time per isolate: scratch memory may be reused.
const library = koffi.load(null);

const scratch = [Buffer.alloc(8192), Buffer.alloc(8192)] as const;

/** Writes a byte string with its closing NUL into scratch memory; `slot` 1 is for the second path of a call. */
export const cString = (bytes: Bytes, slot: 0 | 1 = 0): Buffer => {
  const wanted = scratch[slot];
  const buffer = bytes.length < wanted.length ? wanted : Buffer.alloc(bytes.length + 1);
  const length = buffer.write(bytes, 0, 'latin1');
  buffer[length] = 0;
  return buffer;
};

type Argument = number | bigint | Uint8Array | null;
type Call = (...given: readonly Argument[]) => number;

/** Declares a libc function whose failure is −1 with errno: it then returns −errno. */
export const declare = (signature: string): Call => {
  const raw = library.func(signature);
  return (...given) => {
    const answer: unknown = raw(...given);
    const result = Number(answer);
    return result < 0 ? -koffi.errno() : result;
  };
};
