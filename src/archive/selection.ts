import type { Bytes } from '../posix/bytes.ts';

/** What a restore has chosen. Paths are bytes, relative to the source's root. */
export type Selection =
  | { readonly kind: 'all' }
  /** These, and everything beneath them. The empty path is everything. */
  | { readonly kind: 'paths'; readonly paths: readonly Bytes[] }
  /**
   * A second pass over a segment: the data of `target`, which was not chosen itself, under the names of hard links
   * to it that were. See `SegmentRestored.unresolvedLinks`.
   */
  | { readonly kind: 'links'; readonly links: readonly UnresolvedLink[] };

export interface UnresolvedLink {
  readonly path: Bytes;
  readonly target: Bytes;
}

/** `above`: a folder in which something chosen lies. */
export type Choice = 'chosen' | 'above' | 'no';

export type Chooser = (path: Bytes) => Choice;

const foldersAbove = (path: Bytes): Bytes[] => {
  const folders = [''];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    folders.push(path.slice(0, slash));
  return folders;
};

/** @param meet told of each chosen path that is met, so that one that is nowhere can be named */
export const makeChooser = (selection: Selection, meet: (path: Bytes) => void = () => undefined): Chooser => {
  if (selection.kind === 'all') return () => 'chosen';
  if (selection.kind === 'links') return () => 'no';
  const chosen = new Set(selection.paths);
  const above = new Set(selection.paths.filter((path) => path !== '').flatMap(foldersAbove));
  return (path) => {
    if (chosen.has(path)) {
      meet(path);
      return 'chosen';
    }
    if (foldersAbove(path).some((folder) => chosen.has(folder))) return 'chosen';
    return above.has(path) ? 'above' : 'no';
  };
};
