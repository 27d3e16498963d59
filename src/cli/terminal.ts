import { stripVTControlCharacters } from 'node:util';
import { widthOf } from './table.ts';

/** Where the program prints: standard output, or a test's memory. */
export interface Screen {
  readonly isTerminal: boolean;
  print(lines: readonly string[]): void;
  /** On a terminal in place of what the last `redraw` drew, cut to its size. Elsewhere the same as `print`. */
  redraw(lines: readonly string[]): void;
}

const clearBelow = '\u001b[0J';
const up = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A\r`);

/** As much of standard output as is needed; rows and columns count on terminals only. */
interface Output {
  readonly isTTY?: boolean;
  readonly rows: number;
  readonly columns: number;
  write(text: string): unknown;
}

export const makeScreen = (stream: Output): Screen => {
  const write = (lines: readonly string[]): void => {
    if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
  };
  let drawn = 0;
  return {
    // Undefined, not false, is what Node has for a pipe.
    isTerminal: stream.isTTY === true,
    print: write,
    redraw: (lines) => {
      if (stream.isTTY !== true) return write(lines);
      // A line that wraps, or one that scrolls away, could not be drawn over.
      const shown = lines.slice(0, Math.max(1, stream.rows - 1)).map((line) => cut(line, stream.columns));
      stream.write(`${up(drawn)}${clearBelow}${shown.join('\n')}\n`);
      drawn = shown.length;
    },
  };
};

/** A line too long loses its colours and its end. Pure. */
export const cut = (line: string, width: number): string =>
  widthOf(line) <= width ? line : `${stripVTControlCharacters(line).slice(0, Math.max(0, width - 1))}…`;
