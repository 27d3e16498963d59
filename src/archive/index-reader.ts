import { ArchiveError } from './archive-error.ts';
import type { ByteSource } from './decode.ts';
import { ZstdSource } from './decode.ts';
import { FRAME_BYTES } from './encode.ts';
import { LAST_LINE, type IndexHead } from './index-writer.ts';
import type { IndexLine } from './index-line.ts';

/** Decoded bytes of one frame of an index; a line but the last is no longer, either. */
const MAX_INDEX_FRAME_BYTES = 4 * 1_048_576;
/** The largest `segmentSize` (128 GiB), doubled four times by a plan that has come to a quarter of an exbibyte and more. */
const LARGEST_SEGMENT_BYTES = 2 ** 41;
/** `[2199023255552,2199023255552],` */
const FRAME_TEXT_BYTES = 30;
const MAX_LAST_LINE_BYTES = (LARGEST_SEGMENT_BYTES / FRAME_BYTES) * FRAME_TEXT_BYTES + MAX_INDEX_FRAME_BYTES;

const invalid = (message: string, cause?: unknown): never => {
  throw new ArchiveError('IndexInvalid', message, { cause });
};

const parse = (line: string): object => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    return invalid('a line that is no JSON', cause);
  }
  return typeof value === 'object' && value !== null ? value : invalid('a line that is no object');
};

const isHead = (value: object): value is IndexHead =>
  'v' in value && value.v === 1 && 'uid' in value && 'segment' in value && 'stream' in value && 'epoch' in value;

const isTriple = (value: unknown, type: 'string' | 'number'): boolean =>
  Array.isArray(value) && value.length === 3 && value.every((item) => typeof item === type);

const isIdentity = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 4 &&
  value.every((item, position) => typeof item === (position === 1 ? 'number' : 'string'));

const isLine = (value: object): value is IndexLine =>
  'p' in value &&
  typeof value.p === 'string' &&
  't' in value &&
  typeof value.t === 'string' &&
  'fdlcbphxs'.includes(value.t) &&
  (!('k' in value) || isTriple(value.k, 'string')) &&
  (!('y' in value) ||
    (isTriple(value.y, 'number') && 'i' in value && isIdentity(value.i) && 'j' in value && isIdentity(value.j))) &&
  (!('z' in value) || Array.isArray(value.z));

/** An index line, checked. @throws ArchiveError IndexInvalid */
export const parseIndexLine = (line: string): IndexLine => {
  const value = parse(line);
  return isLine(value) ? value : invalid('a line without path or type');
};

export interface IndexEnd {
  readonly head: IndexHead;
  readonly lines: number;
  /** [pax offset, offset in the encoded stream] of each zstd frame; undefined where the segment is not compressed. */
  readonly frames: readonly (readonly [number, number])[] | undefined;
}

function* textLines(source: ByteSource): Generator<string, void> {
  let rest = '';
  for (let frame = source.next(); frame !== undefined; frame = source.next()) {
    const text = frame.toString('latin1');
    const end = text.indexOf('\n');
    // A long line is put together once, not with each of its pieces.
    if (end < 0) rest += text;
    else {
      const lines = text.slice(end + 1).split('\n');
      yield rest + text.slice(0, end);
      rest = lines.pop() ?? '';
      yield* lines;
    }
    const most = rest.startsWith(LAST_LINE) ? MAX_LAST_LINE_BYTES : MAX_INDEX_FRAME_BYTES;
    if (rest.length > most) invalid('a line without end');
  }
  if (rest !== '') invalid('it ends inside a line');
}

/**
 * Reads an index member's content: its lines as text in order (`parseIndexLine` reads one; most callers need few).
 * Returns what its first and last line say.
 *
 * @throws ArchiveError IndexInvalid, EncodingInvalid; Truncated where the last line is missing
 */
export function* readIndex(content: ByteSource): Generator<string, IndexEnd> {
  let head: IndexHead | undefined;
  let lines = 0;
  let held: string | undefined;
  for (const line of textLines(new ZstdSource(content, MAX_INDEX_FRAME_BYTES))) {
    if (held !== undefined) {
      if (head === undefined) {
        const value = parse(held);
        head = isHead(value) ? value : invalid('the first line');
      } else {
        lines += 1;
        yield held;
      }
    }
    held = line;
  }
  const last = held === undefined ? {} : parse(held);
  if (head === undefined || !('end' in last) || last.end !== true)
    throw new ArchiveError('Truncated', 'an index without its last line');
  if (!('lines' in last) || last.lines !== lines) invalid('its last line counts others');
  const frames = 'frames' in last && Array.isArray(last.frames) ? readFrames(last.frames) : undefined;
  return { head, lines, frames };
}

const readFrames = (values: readonly unknown[]): (readonly [number, number])[] =>
  values.map((value) => {
    if (!Array.isArray(value)) return invalid('frames');
    const pair: readonly unknown[] = value;
    const [pax, encoded] = pair;
    return typeof pax === 'number' && typeof encoded === 'number' ? [pax, encoded] : invalid('frames');
  });
