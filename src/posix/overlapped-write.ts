import { constants } from 'node:os';
import koffi from 'koffi';
import { declare } from './libc.ts';

/*
 * A write that goes on while the calling thread does something else, by aio_write(3): libc does it in a thread of its
 * own. What io_submit(2) promises is not enough: where a file grows, most file systems make it wait.
 */

/** struct aiocb of glibc and of musl, on every machine of 64 bits. */
const controlBytes = 168;
const offsets = { fd: 0, bytes: 16, length: 24, notify: 44, position: 128 };
const SIGEV_NONE = 1;
const { EINPROGRESS } = constants.errno;

interface Calls {
  readonly write: (control: Uint8Array) => number;
  readonly suspend: (list: Uint8Array, count: number, timeout: null) => number;
  readonly error: (control: Uint8Array) => number;
  readonly result: (control: Uint8Array) => number;
}

const declareCalls = (): Calls | undefined => {
  try {
    return {
      write: declare('int aio_write(uint8_t*)'),
      suspend: declare('int aio_suspend(const uint8_t*, int, const uint8_t*)'),
      error: declare('int aio_error(const uint8_t*)'),
      result: declare('int64_t aio_return(uint8_t*)'),
    };
  } catch {
    // A libc without them.
    return undefined;
  }
};

/** One write at a time. */
export class OverlappedWrite {
  readonly #calls: Calls;
  // Never given back: libc writes into it also where the thread that asked was ended meanwhile.
  readonly #control = Buffer.from(koffi.view(koffi.alloc('uint8_t', controlBytes), controlBytes));
  readonly #list = Buffer.alloc(8);

  private constructor(calls: Calls) {
    this.#calls = calls;
    this.#list.writeBigUInt64LE(koffi.address(this.#control));
  }

  /** Undefined where libc has no such calls. */
  static open(): OverlappedWrite | undefined {
    const calls = declareCalls();
    return calls === undefined ? undefined : new OverlappedWrite(calls);
  }

  /**
   * Writes once, from the beginning of `bytes`, and calls `meanwhile`, once in any case, while that goes on. When it
   * returns or throws, the bytes are free again.
   *
   * @returns how many were written, or −errno
   */
  write(fd: number, bytes: Uint8Array, position: number, meanwhile: () => void): number {
    const control = this.#control;
    control.fill(0);
    control.writeInt32LE(fd, offsets.fd);
    control.writeBigUInt64LE(koffi.address(bytes), offsets.bytes);
    control.writeBigUInt64LE(BigInt(bytes.length), offsets.length);
    control.writeInt32LE(SIGEV_NONE, offsets.notify);
    control.writeBigInt64LE(BigInt(position), offsets.position);
    const begun = this.#calls.write(control);
    try {
      meanwhile();
    } finally {
      if (begun >= 0) this.#await();
    }
    if (begun < 0) return begun;
    const failed = this.#calls.error(control);
    const written = this.#calls.result(control);
    return failed === 0 ? written : -failed;
  }

  #await(): void {
    const { suspend, error } = this.#calls;
    // A signal may end the waiting, too.
    while (error(this.#control) === EINPROGRESS) suspend(this.#list, 1, null);
  }
}
