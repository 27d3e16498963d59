import koffi from 'koffi';

/**
 * Ends the process with this code, at once. `process.exit` joins all threads first, so one that is blocked in a drive
 * or in a source that hangs would keep the process, and with it the lock on the drive, for ever.
 */
export const exitNow = (code: number): void => {
  koffi.load('libc.so.6').func('void _exit(int)')(code);
};
