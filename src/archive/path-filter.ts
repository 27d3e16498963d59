import { bytesOf, type Bytes } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';

/*
 * Patterns of `include` and `exclude`, relative to the source's root, compared byte by byte:
 *
 *   *       any run of bytes without `/`            ?       one byte but `/`
 *   [a-z]   one byte of the set; [!a-z] not of it   \x      x itself
 *   **      as a whole component: any number of components, none too
 *
 * A pattern without `/` (a closing one apart) matches a name at any depth; one with `/` starts at the root, whether
 * or not it is written with a leading `/`. A closing `/` matches folders only. What a pattern matches stands for
 * itself and all that lies beneath it. With any `include`, only what it matches is backed up, in the folders above it.
 * `exclude` wins over `include`.
 */

/** `maybe`: a folder that is not included itself, but something beneath it may be. */
export type FilterVerdict = 'in' | 'out' | 'maybe';

export interface PathFilter {
  /** For something whose parent folder was `maybe` or `in` (`parentIn`). */
  decide(path: Bytes, isFolder: boolean, parentIn: boolean): FilterVerdict;
}

interface Pattern {
  readonly whole: RegExp;
  readonly foldersOnly: boolean;
  /** One per component, to tell whether a folder can lead to a match; undefined: at any depth. */
  readonly components: readonly RegExp[] | undefined;
}

const LITERAL = /[\\^$.*+?()[\]{}|/]/g;
const quote = (byte: string): string => byte.replace(LITERAL, '\\$&');

const setSource = (body: string): string => {
  const negated = body.startsWith('!') || body.startsWith('^');
  const inner = (negated ? body.slice(1) : body).replace(/[\\\]^[]/g, '\\$&');
  return negated ? `[^/${inner}]` : `[${inner}]`;
};

const componentSource = (component: Bytes, pattern: string): string => {
  let source = '';
  for (let at = 0; at < component.length; at += 1) {
    const byte = component.charAt(at);
    if (byte === '*') source += '[^/]*';
    else if (byte === '?') source += '[^/]';
    else if (byte === '\\') {
      at += 1;
      if (at >= component.length) throw new ArchiveError('Pattern', `nothing follows the last \\ in ${pattern}`);
      source += quote(component.charAt(at));
    } else if (byte === '[') {
      const end = component.indexOf(']', at + 2);
      if (end < 0) throw new ArchiveError('Pattern', `[ without ] in ${pattern}`);
      source += setSource(component.slice(at + 1, end));
      at = end;
    } else source += quote(byte);
  }
  return source;
};

const compileRegExp = (source: string, pattern: string): RegExp => {
  try {
    return new RegExp(`^${source}$`, 's');
  } catch (cause) {
    throw new ArchiveError('Pattern', `cannot be read: ${pattern}`, { cause });
  }
};

const compile = (text: string): Pattern => {
  const foldersOnly = text.endsWith('/');
  const trimmed = bytesOf(foldersOnly ? text.slice(0, -1) : text);
  const anchored = trimmed.includes('/');
  const components = trimmed.replace(/^\//, '').split('/');
  if (components.some((component) => component === '' || component === '.' || component === '..'))
    throw new ArchiveError('Pattern', `an empty component, . or .. in ${JSON.stringify(text)}`);
  let source = anchored ? '' : '(?:.*/)?';
  components.forEach((component, position) => {
    const last = position === components.length - 1;
    if (component === '**') source += last ? '.*' : '(?:.*/)?';
    else source += componentSource(component, text) + (last ? '' : '/');
  });
  return {
    whole: compileRegExp(source, text),
    foldersOnly,
    components:
      anchored && !components.includes('**')
        ? components.map((component) => compileRegExp(componentSource(component, text), text))
        : undefined,
  };
};

const canLeadTo = (pattern: Pattern, path: Bytes): boolean => {
  const { components } = pattern;
  if (components === undefined) return true;
  const names = path.split('/');
  return names.length < components.length && names.every((name, position) => components[position]?.test(name) === true);
};

/**
 * Undefined where nothing is filtered.
 *
 * @throws ArchiveError Pattern
 */
export const makePathFilter = (include: readonly string[], exclude: readonly string[]): PathFilter | undefined => {
  if (include.length === 0 && exclude.length === 0) return undefined;
  const included = include.map(compile);
  const excluded = exclude.map(compile);
  const matches = (pattern: Pattern, path: Bytes, isFolder: boolean): boolean =>
    (isFolder || !pattern.foldersOnly) && pattern.whole.test(path);
  return {
    decide: (path, isFolder, parentIn) => {
      if (excluded.some((pattern) => matches(pattern, path, isFolder))) return 'out';
      if (parentIn || included.length === 0 || included.some((pattern) => matches(pattern, path, isFolder)))
        return 'in';
      return isFolder && included.some((pattern) => canLeadTo(pattern, path)) ? 'maybe' : 'out';
    },
  };
};
