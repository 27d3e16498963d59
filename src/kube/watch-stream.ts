import type { IncomingMessage } from 'node:http';
import { ApiError, type KubeObject, type WatchEvent } from './api.ts';
import { abortReason } from './clock.ts';
import { errorOfAnswer, errorOfSilence, type Asked } from './http-error.ts';
import { isRecord } from './json-equal.ts';

const newline = 0x0a;

/**
 * Cuts a stream into lines. Works on bytes: no byte of a multi-byte UTF-8 character is a newline, and JSON escapes its
 * own, so a line is always whole text. Chunks of a long line are joined once, at its end.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  let begun: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      const line = chunk.subarray(from, at);
      from = at + 1;
      const whole = begun.length === 0 ? line : Buffer.concat([...begun, line]);
      begun = [];
      if (whole.length > 0) yield whole.toString('utf8');
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
  // What is left without a newline was cut off by the end of the connection: not an event.
}

/**
 * The chunks of an answer; throws `Unreachable` when none came for `inactivityMs` (the server sends a bookmark every
 * minute, so silence is a dead connection) or the connection broke. The time a consumer takes does not count.
 */
export async function* activeChunks(
  asked: Asked,
  response: IncomingMessage,
  inactivityMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const onAbort = (): void => void response.destroy();
  const silence = (): void => void response.destroy(new Error(`silent for ${inactivityMs} ms`));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let timer = setTimeout(silence, inactivityMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(silence, inactivityMs);
    }
  } catch (cause) {
    if (!signal.aborted) throw errorOfSilence(asked, cause, true);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    response.destroy();
  }
  if (signal.aborted) throw abortReason(signal);
}

/** One line of a watch. `T` is what the server was asked for. Throws what an ERROR event says. */
export const parseWatchLine = <T extends KubeObject>(asked: Asked, line: string): WatchEvent<T> => {
  const event = parseEvent<T>(asked, line);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: event.object };
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: event.object.metadata?.resourceVersion ?? '' };
    case 'ERROR': {
      const code = isRecord(event.object) ? event.object['code'] : undefined;
      throw errorOfAnswer(asked, typeof code === 'number' ? code : 500, JSON.stringify(event.object));
    }
    default:
      throw malformed(asked, `event of unknown type "${event.type}"`);
  }
};

interface RawEvent<T> {
  readonly type: string;
  readonly object: T;
}

const parseEvent = <T>(asked: Asked, line: string): RawEvent<T> => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw malformed(asked, 'line is not JSON', cause);
  }
  if (!isRawEvent<T>(value)) throw malformed(asked, 'line is not a watch event');
  return value;
};

const isRawEvent = <T>(value: unknown): value is RawEvent<T> =>
  isRecord(value) && typeof value['type'] === 'string' && isRecord(value['object']);

const malformed = (asked: Asked, what: string, cause?: unknown): ApiError =>
  new ApiError({
    code: 'ServerError',
    message: `${asked.method} ${asked.path}: ${what}`,
    retryable: true,
    outcomeUnknown: false,
    cause,
  });
