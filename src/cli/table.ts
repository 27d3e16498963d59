import { stripVTControlCharacters } from 'node:util';

/** Columns as wide as their widest cell, three blanks between them, nothing behind the last. Pure. */
export const formatTable = (header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => {
  const lines = header.length === 0 ? rows : [header, ...rows];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column] ?? ''))));
  return lines.map((cells) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
};

/** Colours take no room. */
export const widthOf = (text: string): number => stripVTControlCharacters(text).length;

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
