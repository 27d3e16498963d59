import { type Bytes } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';
import type { Cursor } from './order.ts';

const PLAIN = /^[ -$&-~]*$/;
const ESCAPED = /^([ -$&-~]|%[0-9A-F]{2})*$/;

/** Printable ASCII as it is, `%` and every other byte as `%XX`: how a path stands in JSON. */
export const escapePath = (path: Bytes): string =>
  PLAIN.test(path)
    ? path
    : path.replace(/[^ -$&-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** @throws ArchiveError PathEscape where the text is no escaped path */
export const unescapePath = (escaped: string): Bytes => {
  if (!ESCAPED.test(escaped)) throw new ArchiveError('PathEscape', `not an escaped path: ${JSON.stringify(escaped)}`);
  return escaped.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
};

/** A cursor as it stands in JSON: its path escaped. */
export interface CursorJson {
  readonly path: string;
  readonly offset: number;
}

export const cursorToJson = (cursor: Cursor): CursorJson => ({
  path: escapePath(cursor.path),
  offset: cursor.offset,
});

/** @throws ArchiveError PathEscape */
export const cursorFromJson = (json: CursorJson): Cursor => ({ path: unescapePath(json.path), offset: json.offset });
