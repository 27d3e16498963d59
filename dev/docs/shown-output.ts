/**
 * Whether a command printed what its page shows. Blanks count once, since columns are as wide as their contents; `…`
 * stands for anything within a line, and alone on a line for any lines. Pure.
 */
const squeeze = (line: string): string => line.replaceAll(/\s+/g, ' ').trim();

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);

const lineSource = (line: string): string =>
  line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escape).join('.*')}\n`;

const toLines = (text: readonly string[]): readonly string[] => text.map(squeeze).filter((line) => line !== '');

export const showsOutput = (shown: readonly string[], printed: string): boolean =>
  new RegExp(`^${toLines(shown).map(lineSource).join('')}$`).test(
    toLines(printed.split('\n'))
      .map((line) => `${line}\n`)
      .join(''),
  );
