/** What the demo prints: chapters, sentences, commands with what they printed; colours on terminals only. */
import { type Paint, paintFor } from '../../src/cli/paint.ts';

export interface Teller {
  readonly isTerminal: boolean;
  /** Columns of the terminal; 120 where there is none. */
  readonly columns: number;
  readonly paint: Paint;
  chapter(title: string): void;
  /** One sentence, indented. */
  say(text: string): void;
  /** A check that held. */
  good(text: string): void;
  bad(text: string): void;
  /** What a user would have typed, and what the terminal would show. */
  command(typed: string, output: string): void;
  /** On a terminal: stays until the next line comes. Elsewhere nothing. */
  passing(text: string): void;
}

/** @param stream usually standard output; its `isTTY` decides */
export function makeTeller(stream: NodeJS.WriteStream): Teller {
  const paint = paintFor(stream);
  const isTerminal = stream.isTTY === true;
  const columns = isTerminal ? stream.columns : 120;
  let chapters = 0;
  let passing = false;
  let afterBlank = false;
  const write = (text: string): void => {
    // A closed pipe (`| head`) must not keep the demo from cleaning up; it ends by the stream's error.
    if (stream.writable) stream.write(`${passing ? '\r\u001b[2K' : ''}${text}`);
    passing = false;
    afterBlank = text.endsWith('\n\n');
  };
  const lines = (text: string, indent: string): string =>
    `${text
      .trimEnd()
      .split('\n')
      .map((line) => `${indent}${line}`.trimEnd())
      .join('\n')}\n`;
  return {
    isTerminal,
    columns,
    paint,
    chapter: (title) => {
      chapters += 1;
      write(`${afterBlank ? '' : '\n'}${paint('title', `${String(chapters)}  ${title}`)}\n`);
    },
    say: (text) => write(lines(text, '   ')),
    good: (text) => write(` ${paint('good', '✔')} ${lines(text, '   ').slice(3)}`),
    bad: (text) => write(` ${paint('bad', '✘')} ${lines(text, '   ').slice(3)}`),
    command: (typed, output) => {
      const shown = output.trim() === '' ? '' : lines(output, '   ');
      write(`${afterBlank ? '' : '\n'}${lines(`${paint('quiet', '$')} ${paint('title', typed)}`, '   ')}${shown}\n`);
    },
    passing: (text) => {
      if (!isTerminal) return;
      write(`   ${paint('quiet', text.slice(0, Math.max(0, columns - 4)))}`);
      passing = true;
    },
  };
}
