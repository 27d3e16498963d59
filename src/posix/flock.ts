import { constants as osConstants } from 'node:os';
import koffi from 'koffi';

const LOCK_EX = 2;
const LOCK_NB = 4;

const flockCall = koffi.load(null).func('int flock(int fd, int operation)');

/**
 * Takes an exclusive advisory lock on an open file without waiting (flock(2), LOCK_EX | LOCK_NB).
 * The kernel drops it when the last descriptor of that open file is closed, so also when the process dies.
 *
 * @returns false when somebody else holds it
 * @throws Error with `code` (`EBADF`, `ENOLCK`, …) when the call itself fails
 */
export function tryFlock(fd: number): boolean {
  for (;;) {
    const result: unknown = flockCall(fd, LOCK_EX | LOCK_NB);
    if (result === 0) return true;
    const errno = koffi.errno();
    if (errno === osConstants.errno.EAGAIN) return false;
    if (errno === osConstants.errno.EINTR) continue;
    const name = Object.entries(osConstants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    throw Object.assign(new Error(`flock: ${name}`), { code: name, errno });
  }
}
