/** What is in a backup, by the indexes that a server keeps in its catalogue folder. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiveError } from '../archive/archive-error.ts';
import { unescapePath } from '../archive/escape.ts';
import { indexFileName } from '../archive/index-folder.ts';
import type { IndexLine } from '../archive/index-line.ts';
import { parseIndexLine, readIndex } from '../archive/index-reader.ts';
import { comparePaths } from '../archive/order.ts';
import { makePathFilter } from '../archive/path-filter.ts';
import { formatBytes } from '../decide/units.ts';
import { CliError } from './cli-error.ts';
import type { Listing } from './orders.ts';
import { printable } from './printable.ts';
import type { Context } from './session.ts';

type Wanted = (path: string, type: IndexLine['t']) => boolean;

/** @throws CliError, ArchiveError where an index is damaged */
export const listBackup = (
  { screen, say }: Pick<Context, 'screen' | 'say'>,
  uid: string,
  { catalogue, of, long }: Listing,
): number => {
  const indexes = indexesOf(catalogue, uid);
  const wanted = wantedOf(of);
  let found = 0;
  let shownTo: string = '';
  for (const [n, path] of indexes) {
    const { lines, last } = linesOf(path, { n, after: shownTo, wanted, long });
    found += lines.length;
    shownTo = last;
    screen.print(lines);
  }
  const missing = gapsIn([...indexes.keys()]);
  if (missing.length > 0)
    say(`not all is shown: ${catalogue} has no index of segments ${missing.join(', ')}; another server may`);
  if (found > 0) return 0;
  say(
    of.kind === 'folder' ? `nothing is in ${of.path === '' ? 'the backup' : of.path}` : `nothing matches ${of.pattern}`,
  );
  return 1;
};

/** By segment: each copy of a segment has the same index, so that any will do. */
const indexesOf = (catalogue: string, uid: string): ReadonlyMap<number, string> => {
  const folder = join(catalogue, uid);
  const found = new Map<number, string>();
  for (const stream of namesIn(folder).filter((name) => /^s\d+$/.test(name))) {
    for (const name of namesIn(join(folder, stream))) {
      const n = Number(/^index-(\d+)\.jsonl\.zst$/.exec(name)?.[1] ?? NaN);
      if (name === indexFileName(n)) found.set(n, join(folder, stream, name));
    }
  }
  if (found.size === 0)
    throw new CliError(
      'NotFound',
      `${catalogue} has no indexes of backup ${uid}: name the catalogue folder of its server`,
    );
  return new Map([...found].toSorted(([a], [b]) => a - b));
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError('NotFound', `${folder} cannot be read: ${why}`, { cause: error });
  }
};

/** Pure. @throws CliError */
const wantedOf = (of: Listing['of']): Wanted => {
  if (of.kind === 'pattern') return matcherOf(of.pattern);
  const folder = Buffer.from(of.path.replaceAll(/^(\.?\/)+|\/+$/g, '')).toString('latin1');
  const prefix = folder === '' || folder === '.' ? '' : `${folder}/`;
  return (path, type) =>
    path.startsWith(prefix) ? !path.slice(prefix.length).includes('/') : path === folder && type !== 'd';
};

const matcherOf = (pattern: string): Wanted => {
  try {
    const filter = makePathFilter([pattern], []);
    return (path, type) => filter?.decide(path, type === 'd', false) === 'in';
  } catch (error) {
    if (error instanceof ArchiveError) throw new CliError('WrongArgument', error.message, { cause: error });
    throw error;
  }
};

interface Showing {
  readonly n: number;
  /** A path, as bytes: up to here the segments before have told everything, in the order of a walk. */
  readonly after: string;
  readonly wanted: Wanted;
  readonly long: boolean;
}

/** @returns with the last path that is known now */
const linesOf = (file: string, { n, after, wanted, long }: Showing): { lines: readonly string[]; last: string } => {
  const lines: string[] = [];
  let last = after;
  const source = openSource(file);
  try {
    for (const text of readIndex(source)) {
      const line = parseIndexLine(text);
      const path = unescapePath(line.p);
      // A folder stands again in each segment with something beneath it, a large file in each with a part of it.
      const again = line.z?.includes('above') === true || (line.y !== undefined && line.y[1] > 0);
      // The segment `links`, which is the last, begins from the start: each of its names stands in another one, too.
      if (path === '' || path === '.' || again || comparePaths(path, after) <= 0) continue;
      last = path;
      if (!wanted(path, line.t)) continue;
      const name = printable(Buffer.from(path, 'latin1').toString('utf8'));
      lines.push(long ? longLine(line, name, n) : `${name}${line.t === 'd' ? '/' : ''}`);
    }
  } finally {
    source.close();
  }
  return { lines, last };
};

const longLine = ({ t, a, u, g, s, m, z, e }: IndexLine, name: string, n: number): string => {
  const time = m === undefined ? '-' : new Date(Number(m.split('.')[0]) * 1000).toISOString().slice(0, 16);
  const owner = u === undefined ? '-' : `${String(u)}:${String(g)}`;
  const size = s === undefined ? '-' : formatBytes(s);
  const notes = [...(z ?? []), ...(e === undefined ? [] : [e])].join(' ');
  const columns = [`${t === 'f' || t === 'x' ? '-' : t} ${(a ?? '').padStart(4)}`, owner.padStart(9), size.padStart(9)];
  return `${columns.join('  ')}  ${time}  segment ${String(n)}  ${name}${notes === '' ? '' : `  (${notes})`}`;
};

const chunkBytes = 1_048_576;

const openSource = (path: string) => {
  const fd = openSync(path, 'r');
  return {
    next: (): Buffer | undefined => {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const length = readSync(fd, buffer);
      return length === 0 ? undefined : buffer.subarray(0, length);
    },
    close: (): void => closeSync(fd),
  };
};

const gapsIn = (present: readonly number[]): readonly number[] => {
  const there = new Set(present);
  return Array.from({ length: present.at(-1) ?? 0 }, (_, n) => n)
    .filter((n) => !there.has(n))
    .slice(0, 10);
};
