/** Reads the text by which a container explains its end, within the bounds that Kubernetes sets. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export const messageLimitBytes = 4096;
const logTailBytes = 2048;
const logTailLines = 80;

/** The last bytes of a file; empty when it can't be read. */
const readTail = (path: string, limitBytes: number): string => {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, limitBytes));
    const count = readSync(file, buffer, 0, buffer.length, Math.max(0, size - limitBytes));
    return validText(buffer.subarray(0, count), limitBytes);
  } catch {
    return '';
  } finally {
    closeSync(file);
  }
};

/** A cut in the middle of a character leaves a replacement character, which is longer than what it replaces. */
const validText = (bytes: Buffer, limitBytes: number): string => {
  let text = bytes.toString('utf8');
  while (Buffer.byteLength(text) > limitBytes) text = text.slice(1);
  return text;
};

export interface MessageSources {
  readonly terminationLog: string;
  /** Read when the container has failed without a message and the pod asked for that. */
  readonly fallbackLog: string | undefined;
}

/** Undefined when there is nothing to say. */
export const readMessage = ({ terminationLog, fallbackLog }: MessageSources): string | undefined => {
  const message = readTail(terminationLog, messageLimitBytes);
  if (message !== '') return message;
  if (fallbackLog === undefined) return undefined;
  const lines = readTail(fallbackLog, logTailBytes).split('\n');
  const tail = lines.slice(-(lines.at(-1) === '' ? logTailLines + 1 : logTailLines)).join('\n');
  return tail === '' ? undefined : tail;
};
