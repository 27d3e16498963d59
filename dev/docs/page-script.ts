/** A page's blocks as one shell script: what a reader types from top to bottom, in one session. Pure. */
import { type Block, type Place, readBlocks, readMark, readReplacements } from './page-blocks.ts';

export interface PageStep {
  /** Where it stands in the page; also the name of the file that gets its output. */
  readonly line: number;
  readonly commands: string;
  /** What the page says that it prints; undefined where the page does not. */
  readonly shown: readonly string[] | undefined;
}

/** Ends here-documents of ours; no page has such a line. */
const endOfFile = 'TWINREEL_DOCS_END';

const prompt = '$ ';
const continuation = '> ';

/** A `console` block: lines after `$ ` are typed, those after `> ` go on with it, the others were printed. */
const consoleSteps = (block: Block): readonly PageStep[] => {
  const steps: { line: number; commands: string; shown: string[] }[] = [];
  for (const [index, line] of block.text.entries()) {
    const step = steps.at(-1);
    if (line.startsWith(prompt)) {
      steps.push({ line: block.line + 1 + index, commands: line.slice(prompt.length), shown: [] });
    } else if (step === undefined) {
      throw new Error(`line ${block.line + 1 + index}: a console block begins with "$ "`);
    } else if (line.startsWith(continuation) && step.shown.length === 0) {
      step.commands += `\n${line.slice(continuation.length)}`;
    } else step.shown.push(line);
  }
  return steps;
};

const fromText = (command: string, block: Block): string =>
  [`${command} <<'${endOfFile}'`, ...block.text, endOfFile].join('\n');

const stepsOf = (block: Block, place: Place): readonly PageStep[] => {
  const mark = readMark(block.comment ?? '');
  if (mark === undefined || mark.kind === 'notRun' || mark.place !== place) return [];
  const { line } = block;
  switch (mark.kind) {
    case 'run':
      return block.language === 'console'
        ? consoleSteps(block)
        : [{ line, commands: block.text.join('\n'), shown: undefined }];
    case 'file':
      return [{ line, commands: fromText(`cat >${mark.name}`, block), shown: undefined }];
    case 'dryRun': {
      const apply = 'kubectl apply --server-side --force-conflicts --dry-run=server -f -';
      return [{ line, commands: fromText(apply, block), shown: undefined }];
    }
  }
};

/** The page's steps for one place, in order, with what the page lets be replaced. @throws Error naming what is missing */
export const readSteps = (
  page: string,
  place: Place,
  values: Readonly<Record<string, string>>,
): readonly PageStep[] => {
  const needed = readBlocks(page).flatMap((block) => stepsOf(block, place));
  const replacements = readReplacements(page).flatMap(({ written, variable }) => {
    if (!needed.some(({ commands }) => commands.includes(written))) return [];
    const value = values[variable];
    if (value === undefined) throw new Error(`${written}: the tests of this place have no $${variable} for it`);
    return [{ written, value }];
  });
  const settle = (text: string): string =>
    replacements.reduce((settled, { written, value }) => settled.replaceAll(written, value), text);
  return needed.map(({ line, commands, shown }) => ({ line, commands: settle(commands), shown: shown?.map(settle) }));
};

/** The folder gets the output of each step by its line, and in `at` the line of the step that was begun last. */
export const scriptOf = (steps: readonly PageStep[], folder: string): string =>
  [
    'set -e',
    ...steps.map(({ line, commands }) =>
      [`echo ${line} >'${folder}/at'`, '{', commands, `} >'${folder}/${line}' 2>&1`].join('\n'),
    ),
    `echo done >'${folder}/at'`,
    '',
  ].join('\n');
