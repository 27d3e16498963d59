/** Which stream goes where and gets which tape, once drives are chosen. Pure. */

export interface TapeChoice {
  readonly name: string;
  readonly barcode: string;
  readonly library: string;
  readonly labelId?: string;
  /** Bytes written so far; fuller tapes are used up first. */
  readonly usedBytes: number;
  /** The one stream that may have it: it has written there, and copies lie on distinct tapes. Absent: any stream. */
  readonly onlyFor?: number;
}

/** For one place, in the order in which the places were given. */
export interface TapeForStream {
  readonly stream: number;
  readonly tape: TapeChoice;
}

/**
 * A tape for each place, distinct ones, each a stream may use; a stream's own tape before any other, since it goes on
 * where it was.
 *
 * @param streams   at least as many as places
 * @param libraries the library of each place
 * @returns undefined: there are too few
 */
export const chooseTapes = (
  streams: readonly number[],
  libraries: readonly string[],
  tapes: readonly TapeChoice[],
): readonly TapeForStream[] | undefined => {
  const left = new Map<string, TapeChoice[]>();
  const inOrder = tapes.filter((tape) => tape.onlyFor === undefined).sort(fullerFirst);
  for (const tape of inOrder) left.set(tape.library, [...(left.get(tape.library) ?? []), tape]);
  const owners = matchOwners(streams, libraries, tapes, (library) => left.get(library)?.length ?? 0);
  const others = streams.filter((stream) => ![...owners.values()].some((one) => one.stream === stream));
  const chosen: TapeForStream[] = [];
  for (const [place, library] of libraries.entries()) {
    const own = owners.get(place);
    const tape = own?.tape ?? left.get(library)?.shift();
    const stream = own?.stream ?? others.shift();
    if (tape === undefined || stream === undefined) return undefined;
    chosen.push({ stream, tape });
  }
  return chosen;
};

const fullerFirst = (a: TapeChoice, b: TapeChoice): number =>
  b.usedBytes - a.usedBytes || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/**
 * As many places as can be go to a stream that has a tape of its own there: augmenting paths. Places for which there is
 * no other tape come first, and what is matched stays matched.
 */
const matchOwners = (
  streams: readonly number[],
  libraries: readonly string[],
  tapes: readonly TapeChoice[],
  othersIn: (library: string) => number,
): ReadonlyMap<number, TapeForStream> => {
  const ownOf = (stream: number, library: string): TapeChoice | undefined =>
    tapes.filter((tape) => tape.onlyFor === stream && tape.library === library).sort(fullerFirst)[0];
  const placeOf = new Map<number, number>();
  const place = (at: number, tried: Set<number>): boolean => {
    for (const stream of streams) {
      if (tried.has(stream) || ownOf(stream, libraries[at] ?? '') === undefined) continue;
      tried.add(stream);
      const before = placeOf.get(stream);
      if (before !== undefined && !place(before, tried)) continue;
      placeOf.set(stream, at);
      return true;
    }
    return false;
  };
  const rankIn = (at: number): number => libraries.slice(0, at).filter((one) => one === libraries[at]).length;
  const isNeedy = (at: number): boolean => rankIn(at) >= othersIn(libraries[at] ?? '');
  const places = [...libraries.keys()];
  for (const at of [...places.filter(isNeedy), ...places.filter((one) => !isNeedy(one))]) place(at, new Set());
  const found = new Map<number, TapeForStream>();
  for (const [stream, at] of placeOf) {
    const tape = ownOf(stream, libraries[at] ?? '');
    if (tape !== undefined) found.set(at, { stream, tape });
  }
  return found;
};
