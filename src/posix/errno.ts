import { constants } from 'node:os';

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** `2` → `ENOENT`; a number that Node does not name becomes `E<number>`. */
export const errnoName = (errno: number): string => names.get(errno) ?? `E${String(errno)}`;

/** A system call failed where the caller could not go on. `code` is the errno's name, as in Node's own errors. */
export class PosixError extends Error {
  override readonly name = 'PosixError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, subject?: string) {
    const code = errnoName(errno);
    super(`${syscall}: ${code}${subject === undefined ? '' : ` ${subject}`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** Turns the `-errno` of a failed call into a PosixError; passes results ≥ 0. */
export const mustSucceed = (syscall: string, result: number, subject?: string): number => {
  if (result < 0) throw new PosixError(syscall, -result, subject);
  return result;
};
