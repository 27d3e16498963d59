import type { TapeChoice } from '../../../src/decide/allocation/choose-tapes.ts';

/** The rule of tapes, written once more: every way to give the places streams and tapes, tried. */
export const canHaveTapes = (
  streams: readonly number[],
  [library, ...rest]: readonly string[],
  tapes: readonly TapeChoice[],
): boolean =>
  library === undefined ||
  streams.some((stream) =>
    tapes.some(
      (tape) =>
        tape.library === library &&
        (tape.onlyFor === undefined || tape.onlyFor === stream) &&
        canHaveTapes(
          streams.filter((one) => one !== stream),
          rest,
          tapes.filter((one) => one !== tape),
        ),
    ),
  );
